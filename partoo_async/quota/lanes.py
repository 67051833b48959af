"""Who goes next: interactive calls before bulk work, which never starves. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from partoo_async.policy import Priority

__all__ = ["Lanes"]

W = TypeVar("W")

# Of twenty slots given while bulk work waits, at least one goes to bulk.
_INTERACTIVE_RUN = 19


class Lanes(Generic[W]):
    """Two queues of waiters, oldest first."""

    __slots__ = ("bulk", "interactive", "run")

    def __init__(self) -> None:
        # Ordered dicts, so that a cancelled waiter leaves from the middle without a search.
        self.interactive: OrderedDict[W, None] = OrderedDict()
        self.bulk: OrderedDict[W, None] = OrderedDict()
        # How many slots interactive calls took in a row while bulk work waited.
        self.run: int = 0

    def lane(self, priority: Priority) -> OrderedDict[W, None]:
        """Return the queue of a priority."""
        return self.interactive if priority is Priority.INTERACTIVE else self.bulk

    def __len__(self) -> int:
        return len(self.interactive) + len(self.bulk)

    @property
    def bulk_is_due(self) -> bool:
        """Whether the next slot is for bulk work."""
        return self.run >= _INTERACTIVE_RUN and bool(self.bulk)

    def next(self) -> Priority | None:
        """Return whose turn it is; None if nobody waits."""
        if self.interactive and not self.bulk_is_due:
            return Priority.INTERACTIVE
        return Priority.BULK if self.bulk else None

    def may_pass(self, priority: Priority) -> bool:
        """Whether nobody waits who goes before a new call."""
        if priority is Priority.INTERACTIVE:
            return not self.interactive and not self.bulk_is_due
        return not self.interactive and not self.bulk

    def granted(self, priority: Priority) -> None:
        """Note who got a slot."""
        self.run = self.run + 1 if priority is Priority.INTERACTIVE and self.bulk else 0
