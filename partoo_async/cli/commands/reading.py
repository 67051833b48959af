"""What the commands do, as coroutines that return an exit code."""

from __future__ import annotations

from typing import Any

from partoo_async.cli.connect import connect
from partoo_async.cli.errors import OK
from partoo_async.cli.output import print_result, write_line, writes_utf8
from partoo_async.cli.render import group_lines, section_object, sections_table
from partoo_async.cli.text import json_line
from partoo_async.scan.rows import group_object

__all__ = ["list_sections", "show_group"]


async def _write_object(value: dict[str, Any]) -> None:
    await write_line(json_line(value, ascii_only=not writes_utf8()))


async def show_group(section_id: int, group_id: int, *, server: str | None, timeout: float, as_json: bool) -> int:
    """Get one group and print it."""
    async with connect(server, timeout) as partoo:
        group = await partoo.groups.get(section_id, group_id)
    if as_json:
        await _write_object(group_object(section_id, group))
    else:
        print_result(group_lines(section_id, group))
    return OK


async def list_sections(
    org_id: int | None, name: str | None, *, server: str | None, timeout: float, as_json: bool
) -> int:
    """Print every section."""
    sections = []
    async with connect(server, timeout) as partoo:
        async for section in partoo.sections.iterate(org_id=org_id, group_name_query=name):
            if as_json:
                await _write_object(section_object(section))
            else:
                sections.append(section)
    if not as_json:
        print_result(sections_table(sections))
    return OK
