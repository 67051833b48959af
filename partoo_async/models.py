"""The API's objects as frozen values, which know nothing of JSON."""

# Source: the official OpenAPI document of "Get Group", and the pages of "Groups and Sections" and "Businesses".

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from attrs import field, frozen

from partoo_async._internal.read_only import ReadOnlyDict, read_only
from partoo_async._internal.reprs import few, total_repr
from partoo_async._internal.schema import Model, TheRest

if TYPE_CHECKING:
    from partoo_async._internal.error_models import (
        BadRequestBody,
        BadRequestErrors,
        ForbiddenBody,
        ForbiddenErrors,
        UnauthenticatedBody,
        UnauthenticatedErrors,
    )

__all__ = [
    "BadRequestBody",
    "BadRequestErrors",
    "Business",
    "BusinessId",
    "BusinessPage",
    "BusinessSummary",
    "ForbiddenBody",
    "ForbiddenErrors",
    "Group",
    "GroupSummary",
    "Section",
    "SectionPage",
    "UnauthenticatedBody",
    "UnauthenticatedErrors",
]

BusinessId: TypeAlias = str
"""An opaque string. Most have 24 hexadecimal digits; the official example has two of 23."""


@frozen(eq=False, repr=False)
class Group(Model):
    """A group of businesses.

    Attributes:
        id: The id.
        name: Unique; the documentation does not say where.
        has_puller: An automated feed fills it; it cannot be changed or deleted through the API.
        business_ids: All of its businesses.
    """

    id: int
    name: str
    has_puller: bool
    # The API does not page them, and states no order.
    business_ids: tuple[BusinessId, ...] = field(repr=few)


@frozen(eq=False, repr=False)
class GroupSummary(Model):
    """A group as its section lists it, without businesses. Its fields are those of ``Group``."""

    id: int
    name: str
    has_puller: bool


@frozen(eq=False, repr=False)
class Section(Model):
    """A named set of groups, such as "Country".

    Attributes:
        id: The id.
        name: Unique; the documentation does not say where.
        groups: Its groups.
        can_edit: Whether this key may change or delete the section and its groups.
        has_puller: An automated feed fills it.
    """

    id: int
    name: str
    groups: tuple[GroupSummary, ...] = field(repr=few)
    can_edit: bool
    has_puller: bool


@frozen(eq=False, repr=False)
class SectionPage(Model):
    """One page of sections.

    Attributes:
        sections: The sections of this page.
        page: Its number, from 1.
        max_page: The number of the last page.
        count: How many sections all pages have.
    """

    sections: tuple[Section, ...] = field(repr=few)
    # Not every response is documented to have them.
    page: int | None = None
    max_page: int | None = None
    count: int | None = None


def _more(values: Mapping[str, Any]) -> str:
    return f"<{len(values)} more>"


@total_repr
@frozen(eq=False, repr=False)
class Business(Model):
    """A business location. What the server leaves out or sends as null is None, or ``()``.

    Attributes:
        id: The id, as in ``Group.business_ids``.
        name: As shown to the public.
        code: The store code, unique in its organization.
        status: "open", "closed", "opening_soon", or temporarily closed, for which two spellings are documented:
            "temporarily_closed" and "closed_temporarily".
        address: Street and number.
        address_full: The whole address in one line.
        city: The city.
        zipcode: The postal code.
        region: The region.
        country: The country's code of two letters.
        org_id: Its organization.
        groups: Ids of the groups that it is in.
        lat: Latitude in degrees.
        long: Longitude in degrees.
        created: In seconds since 1970.
        modified: In seconds since 1970.
        extra: Whatever else was sent, such as ``extra["open_hours"]``. It is read-only.
    """

    id: BusinessId
    name: str | None = None
    code: str | None = None
    status: str | None = None
    address: str | None = None
    address_full: str | None = None
    city: str | None = None
    zipcode: str | None = None
    region: str | None = None
    country: str | None = None
    org_id: int | None = None
    groups: tuple[int, ...] = ()
    lat: float | None = None
    long: float | None = None
    created: float | None = None
    modified: float | None = None
    # A business has some thirty more fields, custom ones among them: they are no drift. Not hashed, since values of
    # JSON cannot be.
    extra: Annotated[Mapping[str, Any], TheRest] = field(
        factory=ReadOnlyDict, converter=read_only, hash=False, repr=_more
    )


@frozen(eq=False, repr=False)
class BusinessSummary(Model):
    """A business within an outcome of a scan.

    Attributes:
        id: The id, as in ``Group.business_ids``.
        name: As shown to the public. None, as what follows: not known, or the key may not read the business.
        code: The store code.
        status: As in ``Business``.
        city: The city.
    """

    id: BusinessId
    name: str | None = None
    code: str | None = None
    status: str | None = None
    city: str | None = None


@frozen(eq=False, repr=False)
class BusinessPage(Model):
    """One page of a search for businesses.

    Attributes:
        businesses: The businesses of this page.
        page: Its number, from 1.
        max_page: The number of the last page.
        count: How many businesses all pages have.
    """

    businesses: tuple[Business, ...] = field(repr=few)
    page: int | None = None
    max_page: int | None = None
    count: int | None = None


if not TYPE_CHECKING:  # which would take any name for one of this module

    def __getattr__(name: str) -> Any:
        # Programs that read no error bodies do not wait for their classes.
        if name in __all__:
            from partoo_async._internal import error_models  # noqa: PLC0415 - see above

            value = globals()[name] = getattr(error_models, name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
