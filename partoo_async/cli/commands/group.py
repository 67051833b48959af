"""``partoo group``: one group, with the ids of its businesses."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from partoo_async.cli import options
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.output import print_json, print_result, yes_no
from partoo_async.cli.process import execute
from partoo_async.cli.text import clean
from partoo_async.models import Group
from partoo_async.scan.rows import group_object

__all__ = ["group"]


def group(
    section_id: Annotated[int, typer.Argument(metavar="SECTION_ID", help="Id of the section.")],
    group_id: Annotated[int, typer.Argument(metavar="GROUP_ID", help="Id of the group.")],
    server: options.Server = None,
    timeout: options.Timeout = 90.0,
    as_json: options.Json = False,
) -> int:
    """Print one group and the ids of its businesses."""

    async def run() -> int:
        async with options.connect(server, timeout) as partoo:
            found = await partoo.groups.get(section_id, group_id)
        if as_json:
            await print_json(group_object(section_id, found))
        else:
            print_result(_lines(section_id, found))
        return OK

    return execute(run)


def _lines(section_id: int, group: Group) -> Text:
    fields = {
        "section": str(section_id),
        "group": str(group.id),
        "name": clean(group.name),
        "puller": yes_no(group.has_puller),
        "businesses": f"{len(group.business_ids):,}",
    }
    lines = [f"{name:<10}  {value}" for name, value in fields.items()]
    return Text("\n".join([*lines, *(f"  {clean(business)}" for business in group.business_ids)]))
