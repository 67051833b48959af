"""A callable for the key: the key that it gives decides whose results, slots and pauses a call has."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    AuthenticationError,
    DeadlineExceededError,
    Group,
    InternalServerError,
    PartooClient,
    PartooError,
    Priority,
    RateLimit,
    RateLimitError,
    RetryPolicy,
)
from partoo_async._internal.secret import Secret
from partoo_async._protocol.http import Response
from partoo_async._protocol.operations import get_group
from partoo_async._transport import Exchange
from partoo_async._transport.fast_path import FastPath
from partoo_async.emulator import Emulator
from tests.support.common import FAST, TLS
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.simulated import SERVER, Partoo
from tests.support.virtual import run_virtual

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")


async def key_of_the_tenant() -> str:
    return tenant.get()


async def as_tenant(key: str, call: Callable[[], Any]) -> Any:
    """Make a call as one tenant; return its result, or the name of its error."""

    async def visit() -> Any:
        tenant.set(key)
        try:
            return await call()
        except PartooError as error:
            return type(error).__name__

    return await asyncio.create_task(visit())


# --- flights and kept answers


@pytest.mark.parametrize("cache_ttl", [None, 60.0])
async def test_a_visitor_with_another_key_gets_nobody_elses_answer(cache_ttl: float | None) -> None:
    """It neither joins the read of another tenant nor gets the result that was kept for one."""
    async with (
        Emulator(api_keys=["alice", "bob"], latency=0.05) as emulator,
        PartooClient(key_of_the_tenant, server=emulator.server, cache_ttl=cache_ttl, ssl_context=TLS) as client,
    ):

        def read() -> Any:
            return client.groups.get(7, 42)

        alice, stranger, bob, again = await asyncio.gather(
            *(as_tenant(key, read) for key in ("alice", "WRONG", "bob", "alice"))
        )
        assert isinstance(alice, Group)
        assert alice is again
        assert isinstance(bob, Group)
        assert stranger == "AuthenticationError"
        assert await as_tenant("WRONG too", read) == "ConfigurationError"
        assert await as_tenant("WRONG-TOO", read) == "AuthenticationError"
        assert sorted(str(seen.key_id) for seen in emulator.requests) == ["None", "None", "key-2", "key-3"]


async def test_a_write_drops_what_every_tenant_was_told() -> None:
    """Two keys may see the same group."""
    keys = ["one", "other"]
    async with (
        Emulator(api_keys=keys) as emulator,
        PartooClient(key_of_the_tenant, server=emulator.server, cache_ttl=60.0, ssl_context=TLS) as client,
    ):

        async def name() -> str:
            return (await client.groups.get(7, 42)).name

        for key in keys:
            await as_tenant(key, name)
        await as_tenant("other", lambda: client.groups.update(7, 42, name="Anew", business_ids=[]))
        assert [await as_tenant(key, name) for key in keys] == ["Anew", "Anew"]


def test_a_read_whose_key_changes_while_it_waits_begins_anew() -> None:
    """The token was renewed during a pause: each caller gets its result, and none a result of another key."""
    keys = iter(["old", "old", "new", "new", "new", "new"])
    used: list[str] = []

    async def key() -> str:
        return next(keys)

    async def main() -> None:
        partoo = Partoo({7: [1]})
        client = PartooClient(key, server=SERVER, retry=FAST, transport=partoo)
        send = partoo.send

        async def noting(exchange: Exchange) -> Response:
            used.append(exchange.key.reveal())
            return await send(exchange)

        partoo.send = noting  # type: ignore[method-assign]
        for name in ("old", "new"):
            client.session.context.quotas.for_key(Secret(name)).pause(5.0)
        assert [group.id for group in await asyncio.gather(client.groups.get(7, 1), client.groups.get(7, 1))] == [1, 1]
        await client.aclose()

    run_virtual(main())
    assert used == ["new"]


# --- slots and pauses


async def test_each_key_has_its_own_slots_and_pauses() -> None:
    """A 429 of one tenant holds up no other, and its requests use none of another's quota."""
    limited = answer(429, b"{}", "Retry-After: 200")
    async with raw_server(limited, answer(200, GROUP)) as server:
        async with PartooClient(key_of_the_tenant, server=server.url, timeout=5.0, ssl_context=TLS) as client:

            def read() -> Any:
                return client.groups.get(7, 42)

            assert await as_tenant("alice", read) == "RateLimitError"
            assert await as_tenant("alice", read) == "QuotaExceededError"
            assert isinstance(await as_tenant("bob", read), Group)
            assert (client.quota.used, client.quota.paused_for) == (1, 0.0)
            assert len(server.requests) == 2


async def test_two_callables_that_give_one_key_share_its_quota() -> None:
    """A bound method is another object each time, and a client may be made per request."""
    limit = RateLimit(10, 60.0)

    class Vault:
        async def key(self) -> str:
            return "key"

    async with raw_server(answer(200, GROUP)) as server:
        vault, used = Vault(), []
        for source in (vault.key, vault.key, "key"):
            async with PartooClient(source, server=server.url, rate_limit=limit, ssl_context=TLS) as client:
                await client.groups.get(7, 42)
                used.append(client.quota.used)
        assert used == [1, 2, 3]


async def test_the_reserve_that_is_held_is_held_for_every_key() -> None:
    """A web application says so when it starts, before any key is known."""
    limit = RateLimit(10, 60.0, reserve=0.5)
    async with raw_server(answer(200, GROUP)) as server:
        async with PartooClient(key_of_the_tenant, server=server.url, rate_limit=limit, ssl_context=TLS) as client:
            client.session.quota.hold_reserve()
            for key, user in (("alice", client), ("bob", client), ("carol", client.with_options(timeout=5.0))):
                assert isinstance(await as_tenant(key, partial(user.groups.get, 7, 42)), Group)
                quota = user.session.quota
                assert sum(quota.try_acquire(Priority.BULK) for _ in range(10)) == 4


@pytest.mark.parametrize("changing", [False, True], ids=["one key", "another key each time"])
def test_the_reserve_that_is_held_is_held_in_the_next_loop(changing: bool) -> None:
    """A quota is looked for anew when its loop was closed, and what was said of visitors holds for the new one."""
    keys = (f"key-{number}" for number in itertools.count())

    async def key() -> str:
        return next(keys)

    async def free(hold: bool) -> int:
        if hold:
            client.session.quota.hold_reserve()
        await client.groups.get(7, 1)
        quota = client.session.quota
        assert quota.holds_reserve
        return sum(quota.try_acquire(Priority.BULK) for _ in range(10))

    partoo = Partoo({7: [1]})
    limit = RateLimit(10, 60.0, reserve=0.5)
    client = PartooClient(key if changing else "key", server=SERVER, rate_limit=limit, transport=partoo)
    assert [run_virtual(free(hold)) for hold in (True, False, False)] == [4, 4, 4]


async def test_a_callable_that_fails_takes_no_slot(emulator: Emulator) -> None:
    """It is asked before anything is counted, and again like after any fault of a connection."""
    asked: list[str] = []

    async def key() -> str:
        asked.append("x")
        if len(asked) < 3:
            raise OSError("the vault is down")
        return emulator.api_key if len(asked) == 3 else "WRONG"

    async with PartooClient(key, server=emulator.server, retry=FAST, ssl_context=TLS) as client:
        await client.groups.get(7, 42)
        assert (client.quota.used, len(asked)) == (1, 3)
        with pytest.raises(AuthenticationError):
            await client.groups.get(7, 42)
        assert client.quota.used == 1  # of the other key


# --- repeats


def refused(refusal: Response, read: Callable[[PartooClient], Awaitable[Any]]) -> tuple[int, PartooError, float]:
    """Call with another key each time; return how often it was sent, how it ended, and after how many seconds."""
    asked = itertools.count()

    async def key() -> str:
        return f"key-{next(asked)}"

    async def main() -> tuple[int, PartooError, float]:
        loop, partoo = asyncio.get_running_loop(), Partoo({7: [1]})
        partoo.answers[7, 1] = refusal
        client = PartooClient(key, server=SERVER, retry=RetryPolicy(max_retries=3), transport=partoo)
        begun = loop.time()
        with pytest.raises(PartooError) as caught:
            await read(client)
        await client.aclose()
        return len(partoo.arrived), caught.value, loop.time() - begun

    return run_virtual(main())


def shared(client: PartooClient) -> Awaitable[Any]:
    return client.groups.get(7, 1)


def alone(client: PartooClient) -> Awaitable[Any]:
    return client.request("GET", "/sections/7/groups/1")


@pytest.mark.parametrize("read", [shared, alone])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "2"}], ids=["plain", "with a wait"])
def test_a_new_key_brings_no_more_tries(headers: dict[str, str], read: Any) -> None:
    """A failing server is asked ``max_retries`` times more and not again, however often the key changes."""
    sends, error, _ = refused(Response(503, headers, b"{}"), read)
    assert isinstance(error, InternalServerError)
    assert (sends, [attempt.outcome for attempt in error.attempts]) == (4, ["503"] * 4)


@pytest.mark.parametrize("read", [shared, alone])
@pytest.mark.parametrize("wait", ["0", "1", "30", None])
def test_a_new_key_is_no_way_past_a_429(wait: str | None, read: Any) -> None:
    """The pause is that of the key that was refused; with others a call goes on ever more slowly, to its deadline."""
    sends, error, seconds = refused(Response(429, {"Retry-After": wait} if wait else {}, b"{}"), read)
    assert isinstance(error, (RateLimitError, DeadlineExceededError))
    assert seconds <= 90.0
    # After random waits of up to 0.5, 1, 2 and so on to 20 s: in 300,000 simulated calls there were 25 sends at most.
    assert 2 <= sends == len(error.attempts) <= 40


# --- the gate


@pytest.mark.parametrize("priority", list(Priority))
def test_nothing_leaves_during_a_pause_that_began_while_the_key_was_fetched(priority: Priority) -> None:
    """The token takes five seconds, the 429 comes after one: the request goes when the pause is over."""

    async def key() -> str:
        await asyncio.sleep(5.0)
        return "key"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        partoo = Partoo({7: [1]})
        client = PartooClient(key, server=SERVER, transport=partoo)
        begun = loop.time()
        quota = client.session.context.quotas.for_key(Secret("key"))
        loop.call_later(1.0, quota.pause, 20.0)
        await client.session.send(get_group(7, 1), priority=priority)
        assert partoo.arrived[0][0] >= begun + 21.0
        await client.aclose()

    run_virtual(main())


@pytest.mark.parametrize("way", ["short", "long"])
@pytest.mark.parametrize("path", ["groups", "write"])
@pytest.mark.usefixtures("hurried")
async def test_nothing_leaves_during_a_pause_that_began_while_it_connected(
    way: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate is looked at once more with the connection at hand: nothing is sent, and the connection is kept."""
    if way == "long":
        monkeypatch.setattr(FastPath, "is_safe", lambda _: False)
    connected, connect = asyncio.Event(), aiohttp.TCPConnector.connect
    pause = 0.3

    async def slow(self: aiohttp.TCPConnector, *arguments: Any, **options: Any) -> Any:
        connection = await connect(self, *arguments, **options)
        if not connected.is_set():
            connected.set()
            client.session.quota.pause(pause)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slow)
    async with raw_server(answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url, ssl_context=TLS) as client:
            call: Any = client.groups.get if path == "groups" else client.groups.delete
            task = asyncio.ensure_future(call(7, 42))
            await asyncio.wait([task, asyncio.ensure_future(connected.wait())], return_when="FIRST_COMPLETED")
            assert connected.is_set()
            while client.quota.paused_for:
                assert server.requests == []
                await asyncio.sleep(0.1)
            await task
            assert (len(server.requests), server.connections, client.quota.used) == (1, 1, 1)


def test_a_callable_that_gives_keys_in_turn_gets_all_of_them_served() -> None:
    """Each key has a quota of its own, and asking again after a wait gives the other one: nobody waits in a circle."""
    asked: list[str] = []

    async def key() -> str:
        asked.append("ab"[len(asked) % 2])
        return asked[-1]

    async def main() -> None:
        partoo = Partoo({7: list(range(12))})
        client = PartooClient(key, server=SERVER, rate_limit=RateLimit(2, 10.0), max_concurrency=1, transport=partoo)
        report = await client.scan(7, group_ids=range(12)).collect()
        assert len(report.succeeded) == 12
        await client.aclose()

    run_virtual(main())
    assert len(asked) < 100
