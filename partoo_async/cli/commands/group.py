"""``partoo group``: one group, and what adds or removes businesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from partoo_async import PartooClient
from partoo_async._internal.reprs import total_repr
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_result, yes_no
from partoo_async.cli.process import execute
from partoo_async.cli.text import clean
from partoo_async.models import Group
from partoo_async.scan.rows import group_object

__all__ = ["group_app"]

SectionId = Annotated[int, typer.Argument(metavar="SECTION_ID", help="Id of the section.")]
GroupId = Annotated[int, typer.Argument(metavar="GROUP_ID", help="Id of the group.")]
BusinessIds = Annotated[list[str], typer.Argument(metavar="BUSINESS_ID", help="Ids of businesses.")]


@total_repr
class _Commands(TyperGroup):
    """Commands of which ``get`` may be left out, so that ``partoo group 7 42`` works."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the word ``get`` unless another command, or the help of all, is asked for."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["get", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


group_app: typer.Typer = typer.Typer(name="group", cls=_Commands, no_args_is_help=True)


@group_app.callback()
def group() -> None:
    """Print a group with its businesses, as in 'partoo group 7 42', or add and remove some."""


@group_app.command()
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


@group_app.command()
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


@group_app.command()
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


def _print_group(
    client: ClientOptions, call: Callable[[PartooClient], Awaitable[Group]], section_id: int, *, as_json: bool
) -> int:
    async def run() -> int:
        async with client.connect() as partoo:
            found = await call(partoo)
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
