"""Connections that the other side closes while they are idle: no outage, and no reason to fail."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    APIConnectionError,
    Event,
    PartooClient,
    RateLimit,
    RequestEvent,
    RetryEvent,
    RetryPolicy,
)
from partoo_async._transport import connector
from tests.hostile.check import FRANCE, KEY, POLICY, ask, row
from tests.hostile.server import HostileServer, Line, Script, healthy
from tests.hostile.test_cut import close, cut, reset
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("way")

NEVER = RetryPolicy(max_retries=0)


def client_of(stage: HostileServer, events: list[Event] | None = None, **options: Any) -> PartooClient:
    given = {"server": stage.url, "retry": NEVER, "rate_limit": None, "timeout": 5.0, **options}
    return PartooClient(KEY, on_event=None if events is None else events.append, **given)


async def answers_and_closes_later(line: Line) -> None:
    """Close without having said so, as soon as the connection is used again."""
    await line.send(healthy(line))
    await line.reader.read(1)


@row(46)
@pytest.mark.parametrize("end", [close, reset], ids=["closed", "reset"])
async def test_a_read_goes_out_once_more(end: Script) -> None:
    """A read whose kept connection is closed before the first byte is sent once more at once, on a new connection: a
    slot of the quota, an event and an attempt, but no retry and no token of their budget."""
    events: list[Event] = []
    async with HostileServer((answer(200, GROUP), end, answer(200, GROUP))).serve() as server:
        async with client_of(server, events, rate_limit=RateLimit()) as client:
            assert [(await ask(client)).result for _ in range(2)] == [FRANCE, FRANCE]
            assert client.quota.used == server.seen() == 3
            assert client.session.context.throttle.tokens == client.session.context.throttle.FULL
    assert server.connections == 2
    assert [type(event) for event in events] == [RequestEvent] * 3
    assert [event.error for event in events if isinstance(event, RequestEvent)] == [None, "APIConnectionError", None]


@row(46)
async def test_once_and_no_more() -> None:
    """When the new connection is cut, too, that is a fault of the line like any other: the policy decides."""
    async with HostileServer((answer(200, GROUP), close)).serve() as server, client_of(server) as client:
        await ask(client)
        outcome = await ask(client)
    assert type(outcome.error) is APIConnectionError
    assert [attempt.request_sent for attempt in outcome.error.attempts] == [True, True]
    assert server.seen() == 3


@row(46)
async def test_the_second_connection_is_new() -> None:
    """Of several idle connections that are cut when they are used, a read meets one, and not one after the other."""
    held = asyncio.Event()

    async def together(line: Line) -> None:
        await held.wait()
        await line.send(healthy(line))
        await line.reader.readuntil(b"\r\n\r\n")

    async with HostileServer((together, together, together, healthy_line)).serve() as server:
        async with client_of(server) as client:
            calls = [asyncio.create_task(client.groups.get(7, number)) for number in (1, 2, 3)]
            while server.seen() < 3:
                await asyncio.sleep(0)
            held.set()
            await asyncio.gather(*calls)
            assert (await ask(client)).result == FRANCE
    assert server.connections == 4


async def healthy_line(line: Line) -> None:
    await line.send(healthy(line))
    await line.pause()


@row(46)
async def test_a_write_is_not_sent_again() -> None:
    """Of a write on a kept connection that closes nobody knows whether it was carried out: its caller decides."""
    async with HostileServer((answer(200, GROUP), close)).serve() as server, client_of(server, retry=POLICY) as client:
        await ask(client)
        with pytest.raises(APIConnectionError) as caught:
            await client.groups.delete(7, 42)
    assert caught.value.request_sent
    assert server.seen() == 2


@row(46)
async def test_after_the_first_byte_it_is_a_retry() -> None:
    """A head that is cut on a kept connection is a fault of the line, as on a new one."""
    events: list[Event] = []
    scripts = (answer(200, GROUP), cut(b"HTTP/1.1 20"), answer(200, GROUP))
    async with HostileServer(scripts).serve() as server, client_of(server, events, retry=POLICY) as client:
        await ask(client)
        assert (await ask(client)).result == FRANCE
    assert Counter(type(event) for event in events) == {RequestEvent: 3, RetryEvent: 1}


@row(46)
async def test_without_a_slot_the_failure_is_told() -> None:
    """When the quota has no slot in time for the second send, the call fails for what happened to the first."""
    async with HostileServer((answer(200, GROUP), close)).serve() as server:
        async with client_of(server, rate_limit=RateLimit(2, per=60)) as client:
            await ask(client)
            outcome = await ask(client)
            assert client.quota.used == server.seen() == 2
    assert type(outcome.error) is APIConnectionError


def end_unseen(server: HostileServer) -> None:
    """Close the server's ends of its connections without giving the event loop time to see that."""
    for writer in server._open:
        writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
    time.sleep(0.01)  # for the system to deliver it


@row(48)
@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
async def test_a_connection_that_closed_while_the_program_computed(borrowed: bool) -> None:
    """What the event loop has not read yet is looked at before a write: it goes out once, on a new connection."""
    async with aiohttp.ClientSession() as session, HostileServer().serve() as server:
        async with client_of(server, retry=NEVER, session=session if borrowed else None) as client:
            await ask(client)
            end_unseen(server)
            await client.groups.delete(7, 42)
            assert server.seen() == 2
    assert server.connections == 2


@row(46)
async def test_a_borrowed_session_is_served_alike() -> None:
    """With a session of the caller's, which sends reads again by itself, each send is counted all the same."""
    async with aiohttp.ClientSession() as session:
        async with HostileServer((answer(200, GROUP), close, answer(200, GROUP))).serve() as server:
            async with client_of(server, rate_limit=RateLimit(), session=session) as client:
                assert [(await ask(client)).result for _ in range(2)] == [FRANCE, FRANCE]
                assert client.quota.used == server.seen() == 3


@row(47)
@pytest.mark.parametrize("proxied", [False, True], ids=["server", "proxy"])
async def test_a_scan_of_a_server_that_closes_behind_each_answer(proxied: bool) -> None:
    """Not one group fails, be it the server that closes or a proxy before it, and no retry is spent; after a few
    requests too many nearly each has a connection of its own from the start."""
    events: list[Event] = []
    async with HostileServer((answers_and_closes_later,)).serve() as server:
        options = {"proxy": server.url.removesuffix("/v2"), "server": "http://localhost:9/v2"} if proxied else {}
        async with client_of(server, events, **options) as client:
            report = await client.scan(7, group_ids=range(1, 201)).collect()
            assert client.session.context.throttle.tokens == client.session.context.throttle.FULL
    assert (len(report.succeeded), len(report.failed)) == (200, 0)
    assert report.requests < 270  # 32 workers find it out at the same time
    assert not any(isinstance(event, RetryEvent) for event in events)


@row(48)
async def test_what_comes_on_an_idle_connection_is_read_first() -> None:
    """A byte that has come unasked, and that the event loop has not read yet, closes the connection."""
    async with HostileServer().serve() as server, client_of(server) as client:
        await ask(client)
        for writer in server._open:
            writer.write(answer(200, GROUP.replace(b"42", b"43")))  # sent at once
        assert (await ask(client)).result == FRANCE
    assert server.connections == 2


@row(47)
async def test_connections_are_kept_again_when_they_hold() -> None:
    """A server that has closed behind each answer for a while is tried again, and then its connections are kept."""
    async with HostileServer((answers_and_closes_later,)).serve() as server, client_of(server) as client:
        for _ in range(20):
            await ask(client)
        assert server.connections == 20
        await server.heal()
        for _ in range(100):
            await ask(client)
    assert 20 < server.connections < 60


@row(48)
@pytest.mark.parametrize("ask_for", ["read", "read later", "read once", "write"])
async def test_a_server_that_has_kept_a_hundred_connections(
    ask_for: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections are not looked at for a read right after another: one that was closed costs a second request.
    For a write, for a read that may not be sent again, and for a read some time later, they are."""
    async with HostileServer().serve() as server, client_of(server) as client:
        for _ in range(102):
            await ask(client)
        end_unseen(server)
        if ask_for == "read later":
            monkeypatch.setattr(connector, "monotonic", lambda: time.monotonic() + 1.0)
        if ask_for == "write":
            await client.groups.delete(7, 42)
        elif ask_for == "read once":
            await client.request("GET", "/sections/7/groups/42", idempotent=False)
        else:
            assert (await ask(client)).result == FRANCE
        trusted = ask_for == "read" and way == "short"
        assert server.connections == 2
        sent = server.seen()
        end_unseen(server)  # from now on each is looked at again
        assert (await ask(client)).result == FRANCE
    assert (sent, server.seen()) == (103 + trusted, 104 + trusted)
