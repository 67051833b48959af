"""What may happen to processes that share a quota, and to their store, in the middle of a run."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

from tests.support.processes import Fleet

Event = Callable[[Fleet], Awaitable[None]]


def kill(after: float) -> Event:
    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        fleet.workers[0].signal(signal.SIGKILL)

    return event


def freeze(after: float, seconds: float) -> Event:
    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        fleet.workers[0].signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        fleet.workers[0].signal(signal.SIGCONT)

    return event


def refuse(after: float, seconds: int) -> Event:
    """A 429 for the next request, whoever sends it."""

    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        fleet.ledger.tell(str(seconds))

    return event


# Redis


def freeze_redis(after: float, seconds: float) -> Event:
    async def event(fleet: Fleet) -> None:
        assert fleet.redis is not None
        await fleet.at(after)
        fleet.redis.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        fleet.redis.signal(signal.SIGCONT)

    return event


def restart_redis(after: float, seconds: float, *, saved: float | None = None) -> Event:
    """Kill it, and start it again, empty or with what it had ``saved`` at a moment."""

    async def event(fleet: Fleet) -> None:
        assert fleet.redis is not None
        if saved is not None:
            await fleet.at(saved)
            await fleet.redis.command("SAVE")
        await fleet.at(after)
        fleet.redis.kill()
        await asyncio.sleep(seconds)
        await fleet.redis.start()

    return event


def kill_redis(after: float) -> Event:
    async def event(fleet: Fleet) -> None:
        assert fleet.redis is not None
        await fleet.at(after)
        fleet.redis.kill()

    return event


def tell_redis(command: str, *moments: float) -> Event:
    async def event(fleet: Fleet) -> None:
        assert fleet.redis is not None
        for moment in moments:
            await fleet.at(moment)
            await fleet.redis.command(*command.split())

    return event


# The file


def remove(after: float) -> Event:
    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        fleet.file.unlink()

    return event


def overwrite(after: float) -> Event:
    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        damaged = fleet.file.with_name(f"{fleet.file.name}.damaged")
        # Once is not enough: who is in an exchange writes the pages of the file over it.
        for _ in range(100):
            if damaged.exists():
                return
            await asyncio.to_thread(_spoil, fleet)
            await asyncio.sleep(0.05)

    return event


def _spoil(fleet: Fleet) -> None:
    with suppress(FileNotFoundError), fleet.file.open("r+b") as file:
        file.write(os.urandom(20_000))


def lock(after: float, seconds: float) -> Event:
    async def event(fleet: Fleet) -> None:
        await fleet.at(after)
        with closing(sqlite3.connect(fleet.file, isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(seconds)
            other.execute("ROLLBACK")

    return event
