"""A client for a command of a few calls, whose longer waits are told on standard error: for quota, for a response."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from partoo_async.cli.streams import say
from partoo_async.cli.text import amount, duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from partoo_async import PartooClient
    from partoo_async.cli.options import ClientOptions

__all__ = ["connected"]

# A shorter wait is over before anybody wonders.
_LONG = 1.0  # second
_SURE = 2  # looks: when a shared quota has the next slot, only its store knows
_SILENT = 5  # looks: a response may take a while


@asynccontextmanager
async def connected(options: ClientOptions) -> AsyncIterator[PartooClient]:
    """Lend a client that is not silent while it waits: for quota, for a response, between two attempts."""
    async with options.connect() as partoo:
        if options.quiet:
            yield partoo
            return
        watcher = asyncio.create_task(_watch(partoo))
        try:
            yield partoo
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])


async def _watch(partoo: PartooClient) -> None:
    waited = 0  # looks at which calls waited, one after the other
    silent, before = 0, set[tuple[object, int]]()  # likewise, at which the same requests were in flight
    calls = partoo.session.context.lifecycle.calls
    while True:
        await asyncio.sleep(_LONG)
        flying: set[tuple[object, int]] = {(call, call.sends) for call in calls if call.in_flight}
        silent, before = silent + 1 if flying and flying == before else 0, flying
        if silent == _SILENT:
            say(f"nothing came for {duration(silent * _LONG)}, still waiting")
        state = partoo.session.quota.snapshot()
        # Of a pause there is a warning.
        waited = 0 if not state.waiting or state.paused_for else waited + 1
        if waited == _SURE and state.mode == "shared":
            say(f"waiting for quota, which {amount(state.members, 'process', 'processes')} share")
        elif waited == 1 and state.mode != "shared" and state.wait >= _LONG:
            say(f"waiting for quota: {duration(state.wait)}")
