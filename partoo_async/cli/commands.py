"""What the commands do, as coroutines that return an exit code."""

from __future__ import annotations

import asyncio
import math
import shlex
import sys
from typing import TYPE_CHECKING, Any

from partoo_async.cli.connect import connect
from partoo_async.cli.errors import OK
from partoo_async.cli.output import print_result, say, write_line, writes_utf8
from partoo_async.cli.progress import choose_display
from partoo_async.cli.render import group_lines, group_object, section_object, sections_table
from partoo_async.cli.scanning import show_scan
from partoo_async.cli.text import json_line
from partoo_async.emulator import Emulator
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from partoo_async.cli.progress import ProgressMode

__all__ = ["list_sections", "parse_rate_limit", "run_emulator", "scan_sections", "show_group"]


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


async def scan_sections(
    section_ids: Sequence[int],
    limits: Mapping[str, Any],
    progress: ProgressMode,
    *,
    server: str | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Scan sections; ``limits``: the arguments of ``PartooClient.scan`` that narrow or bound it."""
    # Of a client's bound, an eighth is kept for interactive calls, of which there are none here.
    bound = max(32, math.ceil((limits.get("max_concurrency") or 0) * 8 / 7))
    async with connect(server, timeout, max_concurrency=bound) as partoo:
        display = choose_display(progress, streaming=as_json)
        return await show_scan(partoo.scan(section_ids, **limits), display, as_json=as_json)


def parse_rate_limit(text: str) -> RateLimit | None:
    """Return the quota that ``300/60`` (requests/seconds) or ``none`` stands for."""
    if text.strip().lower() == "none":
        return None
    requests, _, per = text.partition("/")
    try:
        count, seconds = int(requests), float(per or 60)
    except ValueError:
        count, seconds = 0, math.nan
    if count < 1 or not 0 < seconds < math.inf:
        raise ConfigurationError("--rate-limit: expected requests/seconds such as 300/60, or none")
    return RateLimit(requests=count, per=seconds)


async def run_emulator(*, host: str, port: int, rate_limit: str, latency: float, seed: int) -> int:
    """Run an emulator until the command is stopped."""
    quota = parse_rate_limit(rate_limit)
    async with Emulator(host=host, port=port, rate_limit=quota, latency=latency, seed=seed) as emulator:
        key, url = emulator.api_key, emulator.url
        # Fit for `eval`: what is not an assignment is a comment.
        sys.stdout.write(f"export PARTOO_SERVER={shlex.quote(url)}\nexport PARTOO_API_KEY={shlex.quote(key)}\n")
        sys.stdout.write(f"# curl -H {shlex.quote(f'x-APIKey: {key}')} {shlex.quote(f'{url}/sections/7/groups/42')}\n")
        sys.stdout.flush()
        say(f"the emulator listens on {url}; Ctrl-C stops it")
        try:
            await asyncio.Event().wait()
        finally:
            say(f"requests answered: {len(emulator.requests):,}")
    return OK
