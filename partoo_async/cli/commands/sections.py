"""``partoo sections``: every section."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_result, say, table, yes_no
from partoo_async.cli.process import execute
from partoo_async.models import Section

__all__ = ["EPILOG", "sections"]


EPILOG = epilog(
    ("partoo sections", "all of them, as a table"),
    ("partoo sections --name Paris --json | jq .section_id", "ids of those that have a group with Paris in its name"),
)


@with_options
def sections(
    client: ClientOptions,
    org_id: Annotated[
        int | None, typer.Option(help="Only sections of this organization; for keys of the PROVIDER role.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only sections that have a group whose name contains QUERY.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List all sections."""

    async def run() -> int:
        rows = []
        async with client.connect() as partoo:
            async for section in partoo.sections.iterate(org_id=org_id, group_name_query=name):
                if as_json:
                    await print_json(_object(section))
                else:
                    rows.append(_row(section))
        if not as_json and not rows:
            say("there is no such section")
        elif not as_json:
            columns = ("section", "name", "groups", "editable", "puller")
            print_result(table(columns, rows, numbers=("section", "groups")))
        return OK

    return execute(run)


def _row(section: Section) -> tuple[str, ...]:
    flags = (yes_no(section.can_edit), yes_no(section.has_puller))
    return str(section.id), section.name, f"{len(section.groups):,}", *flags


def _object(section: Section) -> dict[str, Any]:
    groups = [{"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in section.groups]
    flags = {"can_edit": section.can_edit, "has_puller": section.has_puller}
    return {"section_id": section.id, "name": section.name, **flags, "groups": groups}
