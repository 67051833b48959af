"""``partoo sections``: every section."""

from __future__ import annotations

from operator import itemgetter
from typing import Annotated, Any

import typer

from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.list_output import Listing
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.output import yes_no
from partoo_async.cli.process import execute
from partoo_async.cli.result_options import ListOptions
from partoo_async.cli.section_output import section_object
from partoo_async.cli.waits import connected

__all__ = ["EPILOG", "sections"]


EPILOG = epilog(
    ("partoo sections", "all of them, as a table"),
    ("partoo sections --name Paris --json | jq .section_id", "ids of those that have a group with Paris in its name"),
)


@with_options
def sections(
    results: ListOptions,
    client: ClientOptions,
    org_id: Annotated[
        int | None, typer.Option(help="Only sections of this organization; for keys of the PROVIDER role.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only sections that have a group whose name contains QUERY.")
    ] = None,
) -> int:
    """List all sections."""

    async def run() -> int:
        target = results.target()
        async with connected(client) as partoo:
            found = partoo.sections.iterate(org_id=org_id, group_name_query=name)
            await _LISTING.show((section_object(section) async for section in found), target)
        return OK

    return execute(run)


def _cells(section: dict[str, Any]) -> tuple[str, ...]:
    flags = (yes_no(section["can_edit"]), yes_no(section["has_puller"]))
    return str(section["section_id"]), section["name"], f"{len(section['groups']):,}", *flags


_LISTING = Listing(
    columns=("section", "name", "groups", "editable", "puller"),
    cells=_cells,
    numbers=("section", "groups"),
    fields={
        **{name: itemgetter(name) for name in ("section_id", "name", "can_edit", "has_puller")},
        "group_ids": lambda section: [group["id"] for group in section["groups"]],
    },
    nothing="there is no such section",
)
