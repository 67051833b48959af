"""Lists that come in pages, and may change while these are read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from partoo_async.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

__all__ = ["MOST_WALKS", "PageWalk", "each_once"]

MOST_WALKS = 4
"""How often the pages of a list that keeps changing are read."""

_logger = logging.getLogger("partoo_async")


class _Item(Protocol):
    @property
    def id(self) -> int | str: ...


class _Page(Protocol):
    @property
    def max_page(self) -> int | None: ...

    @property
    def count(self) -> int | None: ...


T = TypeVar("T", bound=_Item)
P = TypeVar("P", bound=_Page)


class PageWalk(Generic[T]):
    """One walk over all pages of a list. ``found``: the ids on them, in order.

    Args:
        read: Returns the page of a number.
        items_of: Returns what is on a page.
    """

    def __init__(self, read: Callable[[int], Awaitable[P]], items_of: Callable[[P], Sequence[T]]) -> None:
        self._read: Callable[[int], Awaitable[_Page]] = read
        self._items_of: Callable[..., Sequence[T]] = items_of
        self._counts: set[int | None] = set()
        self._reads = 0
        self.found: dict[Any, None] = {}

    @property
    def steady(self) -> bool:
        """Whether the list did not change meanwhile, as far as its ``count`` tells."""
        # When an item is deleted, those behind it move up, and the first of the next page is on no page to be read.
        return self._reads < 2 or self._counts == {None} or self._counts == {len(self.found)}

    async def items(self) -> AsyncIterator[T]:
        """Yield each item once, page by page."""
        # It is not documented whether pages carry ``max_page``, nor what follows the last one. So the walk also ends at
        # a page that brings nothing new, and, where no ``max_page`` was sent, at one that is refused.
        number, last = 1, None
        while True:
            self._reads = number
            try:
                page = await self._read(number)
            except (BadRequestError, NotFoundError):
                if number == 1 or last is not None:
                    raise
                return
            last, items, before = page.max_page, self._items_of(page), len(self.found)
            if items:
                self._counts.add(page.count)
            for item in items:
                if item.id not in self.found:
                    self.found[item.id] = None
                    yield item
            if len(self.found) == before or (last is not None and number >= last):
                return
            number += 1


async def each_once(
    walk_of: Callable[[bool], PageWalk[T]], what: str, seen: set[Any] | None = None
) -> AsyncIterator[T]:
    """Yield each item of a list once. When the list changes meanwhile, all of its pages are read again.

    Args:
        walk_of: Returns a new walk; given True, one that takes nothing from before.
        what: What is listed, for the log.
        seen: Ids that are not to be yielded, and are added to.
    """
    seen = set() if seen is None else seen
    before: list[Any] = []
    for again in (False, *[True] * (MOST_WALKS - 1)):
        walk = walk_of(again)
        async for item in walk.items():
            if item.id not in seen:
                seen.add(item.id)
                yield item
        # A list may have a wrong count for ever: two walks that found the same will do, too.
        if walk.steady or [*walk.found] == before:
            return
        before = [*walk.found]
    _logger.warning(
        "the list of %s kept changing while its pages were read %d times: some may be missing", what, MOST_WALKS
    )
