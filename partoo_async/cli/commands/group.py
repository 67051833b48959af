"""``partoo group``: one group, and what adds or removes businesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from partoo_async import PartooClient
from partoo_async.cli import group_writes
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import HelpfulCommand, epilog, sub_app
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_text, yes_no
from partoo_async.cli.process import execute
from partoo_async.cli.subcommands import GroupId, SectionId, Subcommands
from partoo_async.cli.text import clean
from partoo_async.cli.waits import connected
from partoo_async.models import Group

__all__ = ["group_app"]

BusinessIds = Annotated[list[str], typer.Argument(metavar="BUSINESS_ID", help="Ids of businesses.")]


group_app: typer.Typer = sub_app("group", Subcommands)

_GET = epilog(
    ("partoo group 7 42", "one group, as text"),
    ("partoo group 7 42 --json | jq -r '.business_ids[]'", "ids of its businesses, a line each"),
)
_ADD = epilog(("partoo group add 7 42 3f2e1d4c5b6a7f8e9d0c1a2", "one business more"))
_REMOVE = epilog(("partoo group remove 7 42 3f2e1d4c5b6a7f8e9d0c1a2", "one business less"))


@group_app.callback(epilog=_GET)
def group() -> None:
    """Print a group with its businesses, as in 'partoo group 7 42', or change it."""


@group_app.command(cls=HelpfulCommand, epilog=_GET)
@with_options
def get(
    client: ClientOptions,
    section_id: SectionId,
    group_id: GroupId,
    as_json: Json = False,
) -> int:
    """Print one group and the ids of its businesses. The word 'get' may be left out."""

    async def call(partoo: PartooClient) -> Group:
        return await partoo.groups.get(section_id, group_id)

    return _print_group(client, call, section_id, as_json=as_json)


@group_app.command(cls=HelpfulCommand, epilog=_ADD)
@with_options
def add(
    client: ClientOptions,
    section_id: SectionId,
    group_id: GroupId,
    business_ids: BusinessIds,
    as_json: Json = False,
) -> int:
    """Add businesses to a group, and print it.

    The group is read, written as a whole and read again: the API has no such call. Let nobody else write it meanwhile.
    """

    async def call(partoo: PartooClient) -> Group:
        return await partoo.groups.add_businesses(section_id, group_id, business_ids)

    return _print_group(client, call, section_id, as_json=as_json)


@group_app.command(cls=HelpfulCommand, epilog=_REMOVE)
@with_options
def remove(
    client: ClientOptions,
    section_id: SectionId,
    group_id: GroupId,
    business_ids: BusinessIds,
    as_json: Json = False,
) -> int:
    """Remove businesses from a group, and print it.

    The group is read, written as a whole and read again: the API has no such call. Let nobody else write it meanwhile.
    """

    async def call(partoo: PartooClient) -> Group:
        return await partoo.groups.remove_businesses(section_id, group_id, business_ids)

    return _print_group(client, call, section_id, as_json=as_json)


for _command, _epilog in group_writes.COMMANDS.items():
    group_app.command(cls=HelpfulCommand, epilog=_epilog)(_command)


def _print_group(
    client: ClientOptions, call: Callable[[PartooClient], Awaitable[Group]], section_id: int, *, as_json: bool
) -> int:
    async def run() -> int:
        async with connected(client) as partoo:
            found = await call(partoo)
        if as_json:
            from partoo_async.scan.rows import group_object  # noqa: PLC0415 - slow to import

            await print_json(group_object(section_id, found))
        else:
            print_text(_lines(section_id, found))
        return OK

    return execute(run)


def _lines(section_id: int, group: Group) -> str:
    fields = {
        "section": str(section_id),
        "group": str(group.id),
        "name": clean(group.name),
        "puller": yes_no(group.has_puller),
        "businesses": f"{len(group.business_ids):,}",
    }
    lines = [f"{name:<10}  {value}" for name, value in fields.items()]
    return "\n".join([*lines, *(f"  {clean(business)}" for business in group.business_ids)])
