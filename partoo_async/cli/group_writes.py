"""``partoo group create``, ``update`` and ``delete``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from partoo_async import PartooClient
from partoo_async._internal.checks import check_name
from partoo_async._protocol.operations import update_group
from partoo_async._protocol.routes import CREATE_GROUP, DELETE_GROUP, UPDATE_GROUP
from partoo_async._protocol.statuses import LOST_UPDATE
from partoo_async.cli import change
from partoo_async.cli.business_ids import BusinessesFrom, Empty, chosen_ids, names_of
from partoo_async.cli.confirm import WriteOptions, carry_out, refuse
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.subcommands import GroupId, SectionId
from partoo_async.cli.waits import connected
from partoo_async.errors import ConfigurationError
from partoo_async.models import Group, Section

__all__ = ["COMMANDS"]


@with_options
def create(  # noqa: PLR0917 - here and below: typer reads one parameter per option, by name
    client: ClientOptions,
    options: WriteOptions,
    section_id: SectionId,
    name: Annotated[str, typer.Option(metavar="NAME", help="Its name, without , ; or /.")],
    business_ids: Annotated[
        list[str] | None, typer.Argument(metavar="BUSINESS_ID", help="Ids of its businesses.", show_default=False)
    ] = None,
    businesses_from: BusinessesFrom = None,
    empty: Empty = False,
) -> int:
    """Create a group, after a preview, and print its id."""

    async def run() -> int:
        check_name("name", name)
        ids = chosen_ids(business_ids, businesses_from, empty=empty)
        if ids is None:
            raise ConfigurationError("BUSINESS_ID: expected ids, --businesses-from, or --empty for a group without any")
        async with connected(client) as partoo:
            section = await partoo.sections.get(section_id, fresh=True)
            _require_editable(section, CREATE_GROUP.request(section_id).route)
            preview = change.create_group(section, name, ids, await names_of(partoo, ids), client.server)
            return await carry_out(
                client,
                options,
                preview,
                lambda: partoo.groups.create(section_id, name=name, business_ids=ids),
            )

    return execute(run, name="--name")


@with_options
def update(  # noqa: PLR0917
    client: ClientOptions,
    options: WriteOptions,
    section_id: SectionId,
    group_id: GroupId,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its new name, without , ; or /.", show_default=False)
    ] = None,
    business: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Id of a business that it shall have; repeat it for all.", show_default=False),
    ] = None,
    businesses_from: BusinessesFrom = None,
    empty: Empty = False,
) -> int:
    """Rename a group, or replace all of its businesses, after a preview.

    Without businesses it keeps those that it has. To add or take out some, see 'partoo group add' and 'remove'.
    """

    async def run() -> int:
        ids = chosen_ids(business, businesses_from, empty=empty)
        if ids is None and name is None:
            raise ConfigurationError("--name: expected this, --business, --businesses-from or --empty")
        if name is not None:
            check_name("name", name)
        async with connected(client) as partoo:
            section, before = await _read(partoo, section_id, group_id)
            _require_unlocked(section, before, UPDATE_GROUP.request(section_id, group_id).route)
            wanted = list(before.business_ids) if ids is None else ids
            names = await names_of(partoo, *change.difference(before.business_ids, wanted))
            preview = change.update_group(section, before, name, ids, names, client.server)

            async def write() -> None:
                await _replace(partoo, section_id, before, name, preview.businesses)

            async def unchanged() -> bool:
                return await partoo.groups.get(section_id, group_id, fresh=True) == before

            return await carry_out(client, options, preview, write, unchanged)

    return execute(run, name="--name", business_ids="--business")


@with_options
def delete(
    client: ClientOptions,
    options: WriteOptions,
    section_id: SectionId,
    group_id: GroupId,
) -> int:
    """Delete a group, after a preview. Its businesses stay."""

    async def run() -> int:
        async with connected(client) as partoo:
            section, group = await _read(partoo, section_id, group_id)
            _require_unlocked(section, group, DELETE_GROUP.request(section_id, group_id).route)
            preview = change.delete_group(section, group, await names_of(partoo, group.business_ids), client.server)

            async def unchanged() -> bool:
                return await partoo.groups.get(section_id, group_id, fresh=True) == group

            return await carry_out(
                client,
                options,
                preview,
                lambda: partoo.groups.delete(section_id, group_id),
                unchanged,
            )

    return execute(run)


COMMANDS: Mapping[Callable[..., int], str] = {
    create: epilog(
        ("partoo group create 7 --name France a1f0e2d3 3f2e1d4c", "a group of two businesses"),
        ("partoo group create 7 --name New --businesses-from ids.txt --yes", "of those in a file, without a question"),
    ),
    update: epilog(
        ("partoo group update 7 42 --name 'Greater France'", "another name"),
        ("partoo group update 7 42 --businesses-from ids.txt --dry-run", "what another list would change"),
        ("partoo group update 7 42 --businesses-from group-42.json", "the list of 'partoo group 7 42 --json'"),
    ),
    delete: epilog(("partoo group delete 7 42", "one group; its businesses stay")),
}
"""With the end of the help of each."""


async def _read(partoo: PartooClient, section_id: int, group_id: int) -> tuple[Section, Group]:
    section = await partoo.sections.get(section_id, fresh=True)
    return section, await partoo.groups.get(section_id, group_id, fresh=True)


def _require_editable(section: Section, route: str) -> None:
    if not section.can_edit:
        raise refuse(route, "this key may not change the section (can_edit)")


def _require_unlocked(section: Section, group: Group, route: str) -> None:
    _require_editable(section, route)
    if group.has_puller:
        raise refuse(route, "an automated feed fills the group (has_puller): Partoo's support changes it")


async def _replace(partoo: PartooClient, section_id: int, before: Group, name: str | None, wanted: list[str]) -> None:
    if name is None:
        # The name that it has goes back as it came, even one that the documentation allows nobody.
        kept = update_group(section_id, before.id, name=before.name, business_ids=wanted, as_read=True)
        await partoo.session.send(kept)
    else:
        await partoo.groups.update(section_id, before.id, name=name, business_ids=wanted)
    now = await partoo.groups.get(section_id, before.id, fresh=True)
    if set(now.business_ids) != set(wanted):
        raise LOST_UPDATE.make(
            f"{UPDATE_GROUP.request(section_id, before.id).route} was accepted, but the group has"
            f" {len(now.business_ids)} businesses and not {len(wanted)}: does another program write it?",
            business_ids=now.business_ids,
        )
