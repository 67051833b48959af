"""The words of ``ScanDiff.to_text``. Whatever a server sent is cut to one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from partoo_async._internal.text import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["few", "part", "place", "quoted", "reasons"]

T = TypeVar("T")

_MOST_ENTRIES = 20
_MOST_IDS = 5
_LONGEST_NAME = 80  # characters
_LONGEST_ERROR = 200


def part(title: str, values: Sequence[T], words: Callable[[T], str]) -> list[str]:
    """Return the lines of a part: its title with the number of values, and the first of them in words."""
    if not values:
        return []
    lines = ["", f"{title} ({len(values):,})", *(f"- {words(value)}" for value in values[:_MOST_ENTRIES])]
    return [*lines, f"- and {len(values) - _MOST_ENTRIES:,} more"] if len(values) > _MOST_ENTRIES else lines


def place(section_id: int, group_id: int | None, name: str | None, details: str = "") -> str:
    """Return such as ``section 7, group 42 "France": 12 businesses``."""
    group = "" if group_id is None else f", group {group_id}"
    named = "" if name is None else f" {quoted(name)}"
    return f"section {section_id}{group}{named}" + (f": {details}" if details else "")


def quoted(name: str) -> str:
    """Return a name in quotes."""
    return f'"{cut(name, _LONGEST_NAME)}"'


def few(ids: Sequence[str]) -> str:
    """Return the first ids, and how many more there are."""
    more = f" and {len(ids) - _MOST_IDS:,} more" if len(ids) > _MOST_IDS else ""
    return ", ".join(cut(one, _LONGEST_NAME) for one in ids[:_MOST_IDS]) + more


def reasons(before: str | None, after: str | None) -> str:
    """Return why each side does not know something."""
    known = (("before", before), ("after", after))
    return "; ".join(f"{side}: {cut(why, _LONGEST_ERROR)}" for side, why in known if why)
