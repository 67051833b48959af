"""What a scan yields: one outcome per key, the group or the error."""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import field, frozen

from partoo_async._internal.reprs import few
from partoo_async._internal.schema import Model
from partoo_async.errors import PartooError
from partoo_async.models import BusinessSummary, Group

__all__ = ["FormerItem", "ScanFailure", "ScanItem", "ScanSuccess"]


# Without a slot for weak references the two classes have one layout, which ``FormerItem`` needs.
@frozen(weakref_slot=False)
class ScanSuccess(Model):
    """A group that was read.

    Attributes:
        section_id: The section's id.
        group_id: The group's id.
        group: The group.
        error: None.
        attempts: Requests sent. 0 if the group is inferred.
        elapsed: Seconds from the first try to the outcome, waits included.
        recorded: Replayed from a journal.
        inferred: Not read by itself: its businesses are those that name it as their group.
        businesses: With ``businesses=True``, what each of ``group.business_ids`` stands for, in this order.
    """

    section_id: int
    group_id: int
    group: Group
    error: None = None
    attempts: int = 1
    elapsed: float = 0.0
    recorded: bool = False
    inferred: bool = False
    businesses: tuple[BusinessSummary, ...] = field(default=(), repr=few)


@frozen(weakref_slot=False)
class ScanFailure(Model):
    """A group or a section that could not be read.

    Attributes:
        section_id: The section's id.
        group_id: The group's id. None: the section could not be read.
        group: None.
        error: Why.
        attempts: Requests sent.
        elapsed: Seconds from the first try to the outcome, waits included.
        recorded: Replayed from a journal.
        inferred: False.
        businesses: None of them.
    """

    section_id: int
    group_id: int | None
    group: None
    error: PartooError
    attempts: int = 1
    elapsed: float = 0.0
    recorded: bool = False
    inferred: bool = False
    businesses: tuple[BusinessSummary, ...] = ()


ScanItem: TypeAlias = ScanSuccess | ScanFailure
"""The outcome of one key. ``if item.error is None:`` tells a type checker which of the two it is."""


class FormerItem(Model):
    """The class that pickles name ``ScanItem``, from when it was one. What is loaded is one of the two."""

    # With the same slots, the class of an object can be changed.
    __slots__ = ScanSuccess.__slots__  # made by attrs

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__class__ = ScanSuccess if state["error"] is None else ScanFailure  # type: ignore[assignment]
        self.__setstate__({"inferred": False, "businesses": (), **state})
