"""Businesses, which ``models`` loads when they are asked for."""

# Source: the pages "Businesses" of the API's documentation.

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import field, frozen

from partoo_async._internal.read_only import ReadOnlyDict, read_only
from partoo_async._internal.reprs import few, total_repr
from partoo_async._internal.schema import Model, TheRest

__all__ = ["Business", "BusinessPage", "BusinessSummary"]


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

    id: str
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

    id: str
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
