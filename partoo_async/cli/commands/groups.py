"""``partoo groups``: groups of all sections, by their names."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

import typer

from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_result, table, yes_no
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.cli.waits import connected
from partoo_async.models import GroupSummary, Section

__all__ = ["EPILOG", "groups"]


EPILOG = epilog(
    ("partoo groups france", "those that have it in their name"),
    ("partoo groups --json | jq -r .name", "the names of all"),
)


@with_options
def groups(
    client: ClientOptions,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="A part of the name, in any case, with accents or without."),
    ] = None,
    org_id: Annotated[int | None, typer.Option(help="Of this organization; for keys of the PROVIDER role.")] = None,
    as_json: Json = False,
) -> int:
    """Find groups by name, or list all, with the ids that other commands take.

    Costs a request for each page of sections, of which most organizations have one. Businesses are not read.
    """

    async def run() -> int:
        rows = []
        async with connected(client) as partoo:
            async for listed in partoo.sections.iterate(org_id=org_id, group_name_query=text or None):
                section, found = listed, _matching(listed, text)
                if not found:
                    # The API found one there, or the list came without groups: it may not hold all of them.
                    section = await partoo.sections.get(listed.id)
                    found = _matching(section, text)
                for group in found:
                    if as_json:
                        await print_json(_object(section, group))
                    rows.append((str(section.id), str(group.id), group.name, section.name, yes_no(group.has_puller)))
        if not rows and not as_json:
            say("there is no such group" if text else "there is no group")
        elif not as_json:
            print_result(table(("section", "group", "name", "in", "puller"), rows, numbers=("section", "group")))
        return OK

    return execute(run, group_name_query="TEXT")


def _matching(section: Section, text: str | None) -> list[GroupSummary]:
    wanted = _plain(text or "")
    return [group for group in section.groups if wanted in _plain(group.name)]


def _plain(text: str) -> str:
    """Without case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _object(section: Section, group: GroupSummary) -> dict[str, Any]:
    return {
        "section_id": section.id,
        "group_id": group.id,
        "name": group.name,
        "section_name": section.name,
        "has_puller": group.has_puller,
    }
