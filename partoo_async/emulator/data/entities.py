"""What the emulated organizations consist of: sections, groups, businesses. Imports ``edits`` only."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Literal, TypeAlias

from attrs import Attribute, define, field, setters

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.data.edits import Members, edits

__all__ = [
    "CREATED",
    "STATUSES",
    "TEMPORARILY_CLOSED",
    "BusinessStatus",
    "EmulatedBusiness",
    "EmulatedGroup",
    "EmulatedSection",
]

# Documentation: page "Search for businesses".
BusinessStatus: TypeAlias = Literal["open", "closed", "opening_soon", "temporarily_closed"]
STATUSES = ("open", "closed", "opening_soon", "temporarily_closed")
# Two spellings of one status are documented. The first one is used inside.
TEMPORARILY_CLOSED = ("temporarily_closed", "closed_temporarily")

# In seconds since 1970. A fixed moment, so that the same seed gives the same data on every day.
CREATED = 1_760_000_000.0


def _note(entity: Any, attribute: Attribute[Any], value: Any) -> Any:
    # Set before it is noted, or another thread might look at the old value in between. attrs sets it once more.
    object.__setattr__(entity, attribute.name, value)
    edits.note()
    return value


# At each change of a field, but not when an object is made: it is in no organization yet.
_NOTED = setters.pipe(setters.convert, _note)


@total_repr
@define(on_setattr=_NOTED)
class EmulatedGroup:
    """A group in the emulator. Change its fields at any time.

    Attributes:
        id: Unique in the whole emulator.
        name: Unique in its section.
        has_puller: Locks it against update and delete.
        business_ids: The whole list, in the order it is sent.
    """

    id: int
    name: str
    has_puller: bool = False
    business_ids: list[str] = field(factory=list, converter=Members)


@define(on_setattr=_NOTED)
class EmulatedSection:
    """A section in the emulator. Change its fields and its groups at any time.

    Attributes:
        id: Unique in the whole emulator.
        name: Unique in its organization.
        groups: Its groups by id.
        can_edit: False refuses every write to it or its groups.
        has_puller: Locks it against update and delete.
        org_id: Its organization. Keys of others do not see it.
    """

    id: int
    name: str
    groups: MutableMapping[int, EmulatedGroup] = field(factory=dict)
    can_edit: bool = True
    has_puller: bool = False
    org_id: int = 1


@define(on_setattr=_NOTED)
class EmulatedBusiness:
    """A business in the emulator. Change its fields at any time. Its groups are those that list its id.

    The fields are those of the API, but for ``more``, which is added to what is sent and replaces fields of the same
    name. ``code`` is the store code, unique in the organization. ``created`` and ``modified`` are seconds since 1970.
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
