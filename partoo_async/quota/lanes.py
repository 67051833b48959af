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
    """Two queues of waiters, and the count of slots that interactive calls took in a row while bulk work waited."""

    __slots__ = ("_bulk", "_interactive", "_run")

    def __init__(self) -> None:
        # Ordered dicts, so that a cancelled waiter leaves from the middle without a search.
        self._interactive: OrderedDict[W, None] = OrderedDict()
        self._bulk: OrderedDict[W, None] = OrderedDict()
        self._run = 0

    def lane(self, priority: Priority) -> OrderedDict[W, None]:
        """Return the queue of a priority, oldest waiter first."""
        return self._interactive if priority is Priority.INTERACTIVE else self._bulk

    def __len__(self) -> int:
        return len(self._interactive) + len(self._bulk)

    @property
    def bulk_is_due(self) -> bool:
        """Whether the next slot belongs to bulk work, whatever waits in the other lane."""
        return self._run >= _INTERACTIVE_RUN and bool(self._bulk)

    def next(self) -> Priority | None:
        """Return the lane that the next slot belongs to, or None when nobody waits."""
        if self._interactive and not self.bulk_is_due:
            return Priority.INTERACTIVE
        return Priority.BULK if self._bulk else None

    def may_pass(self, priority: Priority) -> bool:
        """Whether a new call may take a slot without queueing: nobody who goes before it waits."""
        if priority is Priority.INTERACTIVE:
            return not self._interactive and not self.bulk_is_due
        return not self._interactive and not self._bulk

    def granted(self, priority: Priority) -> None:
        """Note who got a slot."""
        if priority is Priority.INTERACTIVE and self._bulk:
            self._run += 1
        else:
            self._run = 0
