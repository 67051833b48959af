"""What the emulated organizations consist of: sections, groups and businesses. Plain data, no rules.

Imports nothing else of the emulator.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import define, field

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CREATED", "STATUSES", "BusinessStatus", "EmulatedBusiness", "EmulatedGroup", "EmulatedSection"]

BusinessStatus: TypeAlias = Literal["open", "closed", "opening_soon", "temporarily_closed"]

STATUSES = ("open", "closed", "opening_soon", "temporarily_closed")
"""The documented states of a business."""

# A moment, in seconds since 1970, that does not move: the same seed gives the same data on every day.
CREATED = 1_760_000_000.0


def _listed(values: Iterable[str]) -> list[str]:
    return list(values)


@total_repr
@define
class EmulatedGroup:
    """A group in the emulator; change its fields at any time.

    ``has_puller`` locks it against update and delete. ``business_ids`` is the whole list, in the order it is sent.
    """

    id: int
    name: str
    has_puller: bool = False
    business_ids: list[str] = field(factory=list, converter=_listed)


@define
class EmulatedSection:
    """A section in the emulator; change its fields, and its ``groups`` by group id, at any time.

    ``can_edit=False`` refuses every write to it or its groups; ``has_puller`` locks it against update and delete.
    ``org_id``: the organization that it belongs to; keys of others do not see it.
    """

    id: int
    name: str
    groups: MutableMapping[int, EmulatedGroup] = field(factory=dict)
    can_edit: bool = True
    has_puller: bool = False
    org_id: int = 1


@define
class EmulatedBusiness:
    """A business in the emulator; change its fields at any time. Its groups are those that list its id.

    ``created`` and ``modified`` are seconds since 1970. ``code`` is the store code, unique in the organization.
    ``more`` is added to what is sent, and goes before the fields here: for those that the emulator only passes on,
    such as ``{"open_hours": {...}}``.
    """

    id: str
    name: str = ""
    code: str | None = None
    status: BusinessStatus = "open"
    org_id: int = 1
    address: str | None = None
    city: str | None = None
    zipcode: str | None = None
    region: str | None = None
    country: str | None = None
    default_lang: str | None = None
    lat: float | None = None
    long: float | None = None
    created: float = CREATED
    modified: float = CREATED
    more: dict[str, Any] = field(factory=dict)
