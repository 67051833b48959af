"""How businesses are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from partoo_async.cli.output import print_json, print_result, say, table

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from partoo_async.models import Business

__all__ = ["business_object", "print_businesses"]


async def print_businesses(businesses: AsyncIterable[Business], *, as_json: bool) -> None:
    """Print a table, or as they come one JSON object a line."""
    rows = []
    async for business in businesses:
        if as_json:
            await print_json(business_object(business))
        else:
            rows.append([getattr(business, field) or "" for field in ("id", "code", "name", "city", "status")])
    if not as_json and not rows:
        say("there is no such business")
    elif not as_json:
        print_result(table(("business", "code", "name", "city", "status"), rows, numbers=()))


def business_object(business: Business) -> dict[str, Any]:
    """Return a business as JSON. What the server sent besides is under ``extra``."""
    return attrs.asdict(business, recurse=False)
