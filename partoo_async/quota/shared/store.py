"""What a store has to do for a quota that processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from partoo_async.quota.shared.messages import Reply, Report, State, Terms

__all__ = ["Store", "StoreError"]


class StoreError(Exception):
    """The store cannot be used now. Its text is logged, so it must not have a password."""


class Store(Protocol):
    """Keeps the state of one quota where all processes reach it.

    All but ``abandon`` are called in one event loop, one at a time, and may be cancelled at any point: after that, and
    after an error, the next call must work as soon as the store does.
    """

    async def open(self) -> None:
        """Make sure that the store can be used; called before the first exchange, and after ``aclose`` and ``abandon``.

        Raises:
            Exception: It can never be used, and the text says why.
        """

    async def exchange(self, report: Report, terms: Terms) -> Reply:
        """Apply ``rules.exchange`` to the state, with the store's clock, while no other process does.

        Args:
            report: What this process says.
            terms: What it keeps to.

        Returns:
            The answer. It must be the one to this report: ``n`` is the same.

        Raises:
            StoreError: There is no answer. The report may have been applied, or be applied later.
        """

    async def look(self) -> tuple[State, int] | None:
        """Return the state and the store's time in milliseconds, for people to read; None if there is none."""

    async def aclose(self) -> None:
        """Disconnect. Called twice, it returns."""

    def abandon(self) -> None:
        """Forget all connections without talking to them, and without a warning when they are collected.

        The event loop that they belong to does not run any more, or they are the parent's after a fork. ``open`` is
        called next, perhaps in another event loop.
        """
