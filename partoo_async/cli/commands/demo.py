"""``partoo demo``: an emulator, a scan of it over real HTTP, and what to do next."""

from __future__ import annotations

import sys

from partoo_async import PartooClient
from partoo_async.cli.help import epilog
from partoo_async.cli.process import execute
from partoo_async.cli.progress import PlainDisplay, ProgressMode, choose_display
from partoo_async.cli.scan_output import show_scan
from partoo_async.cli.streams import say
from partoo_async.emulator import Emulator

__all__ = ["EPILOG", "demo"]

# Slow enough for the bar to be seen, three seconds in all.
_LATENCY = (0.15, 0.35)
_CONCURRENCY = 8
_PLAIN_INTERVAL = 0.5

_NEXT = """\
Next, a server to play with:  partoo emulator
and with your key:            export PARTOO_API_KEY=...; partoo scan SECTION_ID
"""


EPILOG = epilog(
    ("partoo demo", "a scan that needs no key"),
)


def demo() -> int:
    """Scan the demo data of an emulator over real HTTP. Needs no key and no network."""
    return execute(_run)


async def _run() -> int:
    # A log has no bar; it gets lines, because a demo is about what it shows.
    display = (
        choose_display(ProgressMode.AUTO, streaming=False) if sys.stderr.isatty() else PlainDisplay(_PLAIN_INTERVAL)
    )
    async with Emulator(latency=_LATENCY) as emulator:
        say(f"demo: an emulated Partoo at {emulator.url}, {len(emulator.sections)} sections")
        async with PartooClient(emulator.api_key, server=emulator.server, max_concurrency=_CONCURRENCY) as partoo:
            code = await show_scan(partoo.scan(emulator.sections), display, None)
    sys.stdout.write(_NEXT)
    sys.stdout.flush()
    return code
