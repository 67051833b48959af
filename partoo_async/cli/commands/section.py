"""``partoo section``: one section, and what creates, renames or deletes it."""

from __future__ import annotations

from typing import Annotated

import typer

from partoo_async._internal.checks import check_name
from partoo_async._protocol.routes import DELETE_SECTION, UPDATE_SECTION
from partoo_async.cli import change
from partoo_async.cli.confirm import WriteOptions, carry_out, refuse
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import HelpfulCommand, epilog, sub_app
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_text
from partoo_async.cli.process import execute
from partoo_async.cli.section_output import section_lines, section_object
from partoo_async.cli.subcommands import SectionId, Subcommands
from partoo_async.cli.waits import connected
from partoo_async.models import Section

__all__ = ["section_app"]

Name = Annotated[str, typer.Option(metavar="NAME", help="Its name, without , ; or /.")]

section_app: typer.Typer = sub_app("section", Subcommands)
_GET = epilog(("partoo section 7", "its name, and its groups with their ids"))


@section_app.callback(epilog=_GET)
def section() -> None:
    """Print a section with its groups, as in 'partoo section 7', or change it."""


@section_app.command(cls=HelpfulCommand, epilog=_GET)
@with_options
def get(client: ClientOptions, section_id: SectionId, as_json: Json = False) -> int:
    """Print one section with the ids and names of its groups. The word 'get' may be left out."""

    async def run() -> int:
        async with connected(client) as partoo:
            found = await partoo.sections.get(section_id)
        if as_json:
            await print_json(section_object(found))
        else:
            print_text(section_lines(found))
        return OK

    return execute(run)


@section_app.command(
    cls=HelpfulCommand, epilog=epilog(("partoo section create --name Country", "a section without groups"))
)
@with_options
def create(
    client: ClientOptions,
    options: WriteOptions,
    name: Name,
    org_id: Annotated[int | None, typer.Option(help="Of this organization; for keys of the PROVIDER role.")] = None,
) -> int:
    """Create a section without groups, after a preview, and print its id."""

    async def run() -> int:
        check_name("name", name)
        async with connected(client) as partoo:
            return await carry_out(
                client,
                options,
                change.create_section(name, org_id, client.server),
                lambda: partoo.sections.create(name=name, org_id=org_id),
            )

    return execute(run, name="--name")


@section_app.command(cls=HelpfulCommand, epilog=epilog(("partoo section update 7 --name Country", "another name")))
@with_options
def update(
    client: ClientOptions,
    options: WriteOptions,
    section_id: SectionId,
    name: Name,
) -> int:
    """Rename a section, after a preview."""

    async def run() -> int:
        check_name("name", name)
        async with connected(client) as partoo:
            before = await partoo.sections.get(section_id, fresh=True)
            _require_unlocked(before, UPDATE_SECTION.request(section_id).route)

            async def unchanged() -> bool:
                return (await partoo.sections.get(section_id, fresh=True)).name == before.name

            return await carry_out(
                client,
                options,
                change.rename_section(before, name, client.server),
                lambda: partoo.sections.update(section_id, name=name),
                unchanged,
            )

    return execute(run, name="--name")


@section_app.command(cls=HelpfulCommand, epilog=epilog(("partoo section delete 7 --dry-run", "what would be deleted")))
@with_options
def delete(client: ClientOptions, options: WriteOptions, section_id: SectionId) -> int:
    """Delete a section, after a preview. What becomes of its groups is not documented."""

    async def run() -> int:
        async with connected(client) as partoo:
            before = await partoo.sections.get(section_id, fresh=True)
            _require_unlocked(before, DELETE_SECTION.request(section_id).route)

            async def unchanged() -> bool:
                return await partoo.sections.get(section_id, fresh=True) == before

            return await carry_out(
                client,
                options,
                change.delete_section(before, client.server),
                lambda: partoo.sections.delete(section_id),
                unchanged,
            )

    return execute(run)


def _require_unlocked(section: Section, route: str) -> None:
    if section.has_puller:
        raise refuse(route, "an automated feed fills the section (has_puller): Partoo's support changes it")
    if not section.can_edit:
        raise refuse(route, "this key may not change the section (can_edit)")
