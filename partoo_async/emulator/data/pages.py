"""One page out of many things, as every list of the API gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import frozen

from partoo_async.emulator.domain_errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Page", "paginate"]

T = TypeVar("T")


@frozen
class Page(Generic[T]):
    """One page; ``count`` is how many things there are on all ``max_page`` pages, 0 pages for none."""

    items: tuple[T, ...]
    page: int
    max_page: int
    count: int


def paginate(found: Sequence[T], page: int, per_page: int, past_end: str = "empty") -> Page[T]:
    """Return one page of what was found; a page below 1 counts as 1.

    ``past_end``: a page after the last one is "empty", the "last" page again, or "refused": an ``UnknownError``.
    """
    page = max(page, 1)
    max_page = -(-len(found) // per_page)
    # The first page is never past the end: nothing found is an answer, not a mistake.
    if page > max(max_page, 1):
        if past_end == "refused":
            raise UnknownError("page")
        if past_end == "last":
            page = max(max_page, 1)
    start = (page - 1) * per_page
    return Page(tuple(found[start : start + per_page]), page, max_page, len(found))
