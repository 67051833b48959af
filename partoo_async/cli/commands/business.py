"""``partoo business``: one business, by its id or its store code, or those that a text finds."""

from __future__ import annotations

from typing import Annotated

import typer

from partoo_async.cli.business_output import business_object, print_businesses
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_text
from partoo_async.cli.process import execute
from partoo_async.cli.result_options import Target
from partoo_async.cli.text import clean
from partoo_async.cli.waits import connected
from partoo_async.errors import ConfigurationError
from partoo_async.models import Business

__all__ = ["EPILOG", "business"]


EPILOG = epilog(
    ("partoo business 3f2e1d4c5b6a7f8e9d0c1a2", "one, by its id"),
    ("partoo business --code 75-001 --json", "one, by its store code, as JSON"),
    ("partoo business --search bakery", "what the server finds for a word"),
)


@with_options
def business(
    client: ClientOptions,
    business_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Id of the business.", show_default=False)
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Store code of the business, in place of its id.", show_default=False)
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="List the businesses that the server finds for a text.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> int:
    """Print one business, by its id or its store code, or list those that a text finds."""

    async def run() -> int:
        if [business_id, code, search].count(None) != 2:
            raise ConfigurationError("expected one of ID, --code and --search")
        async with connected(client) as partoo:
            if search is not None:
                target = Target(None, "ndjson", None) if as_json else None
                await print_businesses(partoo.businesses.iterate(query=search), target)
                return OK
            found = await partoo.businesses.get(business_id, code=code)
        if as_json:
            await print_json(business_object(found))
        else:
            print_text(_lines(found))
        return OK

    return execute(run)


def _lines(business: Business) -> str:
    place = ", ".join(part for part in (business.address, business.zipcode, business.city, business.country) if part)
    fields = {
        "business": business.id,
        "code": business.code,
        "name": business.name,
        "status": business.status,
        "address": business.address_full or place,
        "groups": ", ".join(map(str, business.groups)),
    }
    return "\n".join(f"{name:<8}  {clean(value or '')}".rstrip() for name, value in fields.items())
