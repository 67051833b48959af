"""Ids of businesses, from the command line or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from partoo_async.cli.change import SHOWN
from partoo_async.cli.interrupts import interruptible
from partoo_async.cli.text import clean, json_value
from partoo_async.errors import ConfigurationError, PartooError

if TYPE_CHECKING:
    from partoo_async import PartooClient

__all__ = ["BusinessesFrom", "Empty", "chosen_ids", "names_of"]

BusinessesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Take the ids from a file, - for standard input: one a line, or what 'partoo group --json' prints.",
        show_default=False,
    ),
]
Empty = Annotated[bool, typer.Option("--empty", help="No business at all.")]


def chosen_ids(words: Iterable[str] | None, source: str | None, *, empty: bool) -> list[str] | None:
    """Return the ids, each once; None if nothing was said of them.

    Raises:
        ConfigurationError: There are none, without ``--empty``, or the file cannot be read.
    """
    given = [*(words or ()), *([] if source is None else _of_file(source))]
    ids = list(dict.fromkeys(given))
    if empty and ids:
        raise ConfigurationError("--empty: leave it out, or the ids of businesses")
    if source is not None and not ids:
        # A list that failed to be made, say. To take every business out has an option of its own.
        raise ConfigurationError("--businesses-from: there is no id in it; for a group without any, use --empty")
    return ids if ids or empty else None


def _of_file(source: str) -> list[str]:
    try:
        with interruptible():
            text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"--businesses-from: cannot read {clean(source)}: {problem}") from None
    if text.lstrip()[:1] not in ("{", "["):
        return [word for word in text.split() if word]
    try:
        found: Any = json_value(text)
    except ValueError:
        found = None
    ids = found.get("business_ids") if isinstance(found, dict) else found
    if not isinstance(ids, list) or not all(isinstance(one, str) and one for one in ids):
        raise ConfigurationError("--businesses-from: expected one JSON object with business_ids, or a list of ids")
    return ids


async def names_of(partoo: PartooClient, *lists: Iterable[str]) -> dict[str, str | None]:
    """Return the names of those businesses that a preview shows, with one request. Empty if that is refused."""
    ids = [one for some in lists for one in list(some)[:SHOWN]]
    if not ids:
        return {}
    try:
        return {found.id: found.name async for found in partoo.businesses.iterate(ids=ids)}
    except PartooError:
        # The key may write groups and read no business. A name is not worth more than the change.
        return {}
