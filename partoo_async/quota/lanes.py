"""Who goes next: first in, first out within a lane, interactive before bulk, and bulk never starves. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from partoo_async.policy import Priority

__all__ = ["Lanes"]

W = TypeVar("W")

# Of twenty slots given while bulk work waits, at least one goes to bulk.
_INTERACTIVE_RUN = 19


class Lanes(Generic[W]):
    """Two queues of waiters, and the count of slots that interactive calls took in a row while bulk work waited.

    ``interactive`` and ``bulk`` are the queues, oldest waiter first; ``run`` is that count.
    """

    __slots__ = ("bulk", "interactive", "run")

    def __init__(self) -> None:
        # Ordered dicts, so that a cancelled waiter leaves from the middle without a search.
        self.interactive: OrderedDict[W, None] = OrderedDict()
        self.bulk: OrderedDict[W, None] = OrderedDict()
        self.run: int = 0

    def lane(self, priority: Priority) -> OrderedDict[W, None]:
        """Return the queue of a priority, oldest waiter first."""
        return self.interactive if priority is Priority.INTERACTIVE else self.bulk

    def __len__(self) -> int:
        return len(self.interactive) + len(self.bulk)

    @property
    def bulk_is_due(self) -> bool:
        """Whether the next slot belongs to bulk work, whatever waits in the other lane."""
        return self.run >= _INTERACTIVE_RUN and bool(self.bulk)

    def next(self) -> Priority | None:
        """Return the lane that the next slot belongs to, or None when nobody waits."""
        if self.interactive and not self.bulk_is_due:
            return Priority.INTERACTIVE
        return Priority.BULK if self.bulk else None

    def may_pass(self, priority: Priority) -> bool:
        """Whether a new call may take a slot without queueing: nobody who goes before it waits."""
        if priority is Priority.INTERACTIVE:
            return not self.interactive and not self.bulk_is_due
        return not self.interactive and not self.bulk

    def granted(self, priority: Priority) -> None:
        """Note who got a slot."""
        if priority is Priority.INTERACTIVE and self.bulk:
            self.run += 1
        else:
            self.run = 0
