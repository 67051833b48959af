"""How businesses are printed."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import attrs

from partoo_async.cli.list_output import Listing
from partoo_async.models import Business

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from partoo_async.cli.result_options import Target

__all__ = ["business_object", "print_businesses"]

_COLUMNS = ("id", "code", "name", "city", "status")

_LISTING = Listing(
    columns=("business", *_COLUMNS[1:]),
    cells=lambda one: [one[field] or "" for field in _COLUMNS],
    numbers=(),
    fields={field.name: itemgetter(field.name) for field in attrs.fields(Business) if field.name != "extra"},
    nothing="there is no such business",
)


async def print_businesses(businesses: AsyncIterable[Business], target: Target | None) -> None:
    """Print a table, or lines as they come, or write a file."""

    async def objects() -> AsyncGenerator[dict[str, Any], None]:
        async for business in businesses:
            yield business_object(business)

    await _LISTING.show(objects(), target)


def business_object(business: Business) -> dict[str, Any]:
    """Return a business as JSON. What the server sent besides is under ``extra``."""
    return attrs.asdict(business, recurse=False)
