"""A Partoo behind simulated connections, for whole clients in virtual time, their journals included."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partoo_async import APIConnectionError, APITimeoutError, ConfigurationError, PartooClient, ScanItem, Server
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from partoo_async.nightly import reading
from partoo_async.scan.journal import journal
from partoo_async.scan.journal import reader as recording
from partoo_async.scan.journal.database import Database
from partoo_async.scan.journal.known import Known
from partoo_async.scan.many.journals import JournalDirectory
from partoo_async.testing import MockTransport
from tests.support.virtual import VirtualLoop

SERVER = Server("simulated", "http://127.0.0.1:9/v2")
Key = tuple[int, int | None]


class Partoo(MockTransport):
    """Stands in for a client's connections: sections with the ids of their groups, late answers, faults by chance.

    A key is a section's id and a group's, or None for the section itself. ``missing``: keys that answer 404;
    ``answers``: what else keys answer; ``faults``: which part of the answers is a 500 or a dropped connection.
    ``arrived`` and ``delivered`` are the log: when each request came, and which keys got their answer.
    """

    def __init__(self, sections: dict[int, list[int]], *, seed: int = 0, late: float = 1.0) -> None:
        self.sections = sections
        self.ids: list[str] = ["a", "b"]  # of the businesses of each group
        self.missing: set[Key] = set()
        self.answers: dict[Key, Response] = {}
        self.faults = 0.0
        self.late = late
        self.chance = random.Random(seed)
        self.arrived: list[tuple[float, Key]] = []
        self.delivered: list[Key] = []
        self.in_flight = 0
        self.closed = False

    async def send(self, exchange: Exchange) -> Response:
        request, until = exchange.request, exchange.until
        parts = request.path.split("/")
        key = int(parts[2]), int(parts[4]) if len(parts) > 4 else None
        self.arrived.append((asyncio.get_running_loop().time(), key))
        self.in_flight += 1
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(self.delay(key))
        except TimeoutError:
            raise APITimeoutError("slow", True) from None
        finally:
            self.in_flight -= 1
        if self.chance.random() < self.faults:
            if self.chance.random() < 0.5:
                raise APIConnectionError("cut", True)
            return Response(500, {}, b"{}")
        self.delivered.append(key)
        return self.answer(key)

    def delay(self, key: Key) -> float:
        """How late the answer is. Drawn anew for each request; tests put a function of their own here."""
        return self.chance.uniform(0, self.late)

    def answer(self, key: Key) -> Response:
        if key in self.answers:
            return self.answers[key]
        section_id, group_id = key
        there = section_id in self.sections and group_id in (None, *self.sections[section_id])
        if not there or key in self.missing:
            return Response(404, {}, b'{"errors": {"json": "Resource not found"}}')
        if group_id is not None:
            return Response(200, {}, json.dumps(_group(group_id) | {"business_ids": self.ids}).encode())
        groups = [_group(number) for number in self.sections[section_id]]
        section = {"id": section_id, "name": f"S{section_id}", "groups": groups, "can_edit": True, "has_puller": False}
        return Response(200, {}, json.dumps(section).encode())


def _group(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"G{number}", "has_puller": False}


def client_of(partoo: Partoo, **options: Any) -> PartooClient:
    return PartooClient("key", server=SERVER, transport=partoo, **options)


async def recorded(path: Path) -> list[ScanItem]:
    """Return every outcome that a journal has; none if it was not begun."""
    try:
        async with recording.open_reader(path) as opened:
            return [item async for item in opened.items()]
    except ConfigurationError as error:
        if "cannot open" in str(error) or "never begun" in str(error):
            return []
        raise


@contextmanager
def journals_in_virtual_time() -> Iterator[None]:
    """While a journal's thread is at work, time stands still."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fetch", "write", "aclose"):
            patch.setattr(Database, name, _standing_still(getattr(Database, name)))
        for module in (journal, recording, reading):
            patch.setattr(module, "open_database", _standing_still(module.open_database))
        patch.setattr(reading, "known_ids", _standing_still(reading.known_ids))
        patch.setattr(Known, "recall", _standing_still(Known.recall))
        patch.setattr(JournalDirectory, "prepare", _standing_still(JournalDirectory.prepare))
        yield


def _standing_still(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def wrapped(*arguments: Any, **options: Any) -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.threads += 1
        try:
            return await work(*arguments, **options)
        finally:
            loop.threads -= 1

    return wrapped


def assert_nothing_left(client: PartooClient, partoo: Partoo) -> None:
    """No task but this one, no request in flight, nobody waiting for the quota or for a place."""
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert partoo.in_flight == 0
    assert client.quota.waiting == 0
    assert " 0 of " in repr(client.session.context.concurrency)
    assert "0 waiting" in repr(client.session.context.concurrency)
