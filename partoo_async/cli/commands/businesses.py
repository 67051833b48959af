"""``partoo businesses``: all businesses, or those of some groups."""

from __future__ import annotations

from typing import Annotated

import typer

from partoo_async.cli.business_output import print_businesses
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.result_options import ListOptions
from partoo_async.cli.waits import connected

__all__ = ["EPILOG", "businesses"]


EPILOG = epilog(
    ("partoo businesses --status open --city Paris", "those that are open, in a city"),
    ("partoo businesses --group 42 --json > members.ndjson", "members of a group, as JSON lines"),
)


@with_options
def businesses(  # noqa: PLR0917 - typer reads one parameter per option, by name
    results: ListOptions,
    client: ClientOptions,
    group: Annotated[
        list[int] | None,
        typer.Option(help="Only members of this group; may be repeated.", show_default=False),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="Only of this status: open, closed, opening_soon or temporarily_closed; may be repeated.",
            show_default=False,
        ),
    ] = None,
    city: Annotated[str | None, typer.Option(help="Only in this city.", show_default=False)] = None,
    country: Annotated[str | None, typer.Option(help="Only in this country, such as FR.", show_default=False)] = None,
    org_id: Annotated[
        int | None, typer.Option(help="Another organization; for keys of the PROVIDER role.", show_default=False)
    ] = None,
) -> int:
    """List businesses of every status: all, or those that fit everything given."""

    async def run() -> int:
        target = results.target()
        async with connected(client) as partoo:
            # What is not repeated is an empty list to typer, and every business to the user.
            found = partoo.businesses.iterate(
                groups=group or None, status=status or None, city=city, country=country, org_id=org_id
            )
            await print_businesses(found, target)
        return OK

    return execute(run)
