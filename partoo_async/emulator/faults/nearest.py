"""Which name was meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: a question with the nearest of the ``known`` names, or nothing if none is near."""
    names = list(known)
    # Half a name helps as well as a misspelt one: "gzip" means one of three.
    found = dict.fromkeys(get_close_matches(name, names) + [other for other in names if name and name in other])
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
