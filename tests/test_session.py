"""The session manager's life: arguments, event loops, processes, sharing and closing."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import ssl
import sys
import urllib.parse
import warnings
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    PRODUCTION,
    SANDBOX,
    APIResponseValidationError,
    ClientClosedError,
    ConfigurationError,
    PartooClient,
    PartooSession,
    Quota,
    RateLimit,
    RetryPolicy,
    Server,
)
from partoo_async._protocol.operations import get_group
from partoo_async.emulator import Emulator
from tests.support.common import FAST, PATIENCE
from tests.support.each import each
from tests.support.raw_server import raw_server
from tests.support.virtual import run_virtual

ONCE = RetryPolicy(max_retries=0)


@each(
    ("argument", "value"),
    [
        ("timeout", 0),
        ("timeout", "90"),
        ("timeout", float("nan")),
        ("attempt_timeout", -1),
        ("retry", 3),
        ("rate_limit", 300),
        ("max_concurrency", 0),
        ("max_concurrency", True),
        ("on_event", "print"),
        ("strict", 1),
        ("quota", 300),
        ("server", "staging"),
        ("server", "http://api.partoo.co/v2"),
        ("server", 7),
        ("session", object()),
        ("proxy", "proxy.example:3128"),
        ("proxy", 3128),
        ("trust_env", "yes"),
        ("ssl_context", False),
        ("api_key", ""),
        ("api_key", "secret\nkey"),
        ("api_key", b"secret"),
    ],
)
def test_bad_arguments(argument: str, value: Any) -> None:
    """A bad argument is one ConfigurationError that names it, at construction, and does not show the key."""
    with pytest.raises(ConfigurationError, match=rf"^{argument}: ") as caught:
        PartooClient(**{"api_key": "key-of-mine", argument: value})
    assert "secret" not in str(caught.value)
    assert "key-of-mine" not in str(caught.value)


async def test_options_of_connections_do_not_go_with_a_borrowed_session() -> None:
    """trust_env is decided by the session's owner: asking for it beside session= is an error."""
    async with aiohttp.ClientSession() as mine:
        with pytest.raises(ConfigurationError, match="trust_env"):
            PartooClient("key", session=mine, trust_env=True)


def test_key_and_server_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """PARTOO_API_KEY and PARTOO_SERVER are read at construction; an argument goes before them; else production."""
    with pytest.raises(ConfigurationError, match="PARTOO_API_KEY"):
        PartooClient()
    monkeypatch.setenv("PARTOO_API_KEY", "from-environment")
    assert PartooClient().server is PRODUCTION
    monkeypatch.setenv("PARTOO_SERVER", "sandbox")
    assert PartooClient().server is SANDBOX
    assert PartooClient(server="production").server is PRODUCTION
    assert PartooClient(server="https://partoo.example/v2/").server == Server("custom", "https://partoo.example/v2")
    monkeypatch.setenv("PARTOO_SERVER", "moon")
    with pytest.raises(ConfigurationError, match="PARTOO_SERVER"):
        PartooClient()


async def test_send_is_the_seam_beneath_the_client(emulator: Emulator) -> None:
    """PartooSession sends operations by itself, and its repr names the server and the state."""
    async with PartooSession(emulator.api_key, server=emulator.server) as session:
        group = await session.send(get_group(1, 1))
        assert group.name == "France"
        assert repr(session) == "<PartooSession emulator open>"
    assert repr(session) == "<PartooSession emulator closed>"


async def test_a_closed_client_says_so(client: PartooClient) -> None:
    """After aclose, which may be called twice, a call is a ClientClosedError and the repr says closed."""
    await client.groups.get(1, 1)
    await client.aclose()
    await client.aclose()
    assert client.closed
    assert repr(client) == "<PartooClient emulator closed>"
    with pytest.raises(ClientClosedError):
        await client.groups.get(1, 1)


def test_another_event_loop_is_refused() -> None:
    """A client used from a second event loop says so at once."""
    client = PartooClient("key", server="http://127.0.0.1:9/v2", retry=ONCE)

    async def use() -> None:
        async with asyncio.timeout(PATIENCE):
            await client.groups.get(1, 1)

    async def close() -> None:
        await client.aclose()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        with pytest.raises(Exception, match="127.0.0.1|custom"):
            first.run(use())
        with pytest.raises(ClientClosedError, match="another event loop"):
            second.run(use())
        first.run(close())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_is_refused() -> None:
    """A client that crossed a fork says so instead of sharing its parent's sockets."""
    client = PartooClient("key", server="http://127.0.0.1:9/v2")
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        try:
            asyncio.run(client.groups.get(1, 1))
        except ClientClosedError as error:
            sender.send(str(error))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks in a process with threads
        process = context.Process(target=child)
        process.start()
    assert receiver.poll(10)
    assert "fork" in receiver.recv()
    process.join()


async def test_an_unclosed_client_warns_by_its_name(emulator: Emulator) -> None:
    """A client that was used and dropped warns with our words how to close it, and does no I/O for it."""
    client = PartooClient(emulator.api_key, server=emulator.server)
    await client.groups.get(1, 1)
    borrowed = await client.session.transport.open()
    with pytest.warns(ResourceWarning, match="PartooClient was never closed"):
        del client
        gc.collect()
    await borrowed.close()


def test_an_unused_client_needs_no_closing() -> None:
    """A client that never opened a connection is dropped in silence."""
    PartooClient("key")
    gc.collect()


async def test_with_options(emulator: Emulator, client: PartooClient) -> None:
    """A copy shares connections, quota and cap; closing it leaves the original open, not the reverse."""
    copy = client.with_options(timeout=5, strict=True)
    await copy.groups.get(1, 1)
    assert client.quota.used == 1
    assert copy.session.transport is client.session.context.transport
    assert copy.session.context.concurrency is client.session.context.concurrency
    async with copy:
        pass
    assert copy.closed
    assert (await client.groups.get(1, 1)).id == 1
    other = client.with_options(api_key="another-key")
    assert other.session.quota is not client.session.quota
    await client.aclose()
    assert other.closed


@pytest.mark.parametrize(
    "changes", [{"proxy": "http://127.0.0.1:1"}, {"colour": "red"}, {"timeout": 0}, {"server": ""}]
)
async def test_with_options_refuses(client: PartooClient, changes: dict[str, Any]) -> None:
    """An option that cannot be changed, or a bad value, is a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        client.with_options(**changes)


async def test_clients_of_one_organization_share_a_quota(emulator: Emulator) -> None:
    """Clients of the same server and key share a quota by themselves; an explicit one may be shared, too."""
    mine = Quota(RateLimit(10, 1.0))
    async with (
        PartooClient(emulator.api_key, server=emulator.server) as one,
        PartooClient(emulator.api_key, server=emulator.server) as two,
        PartooClient(emulator.api_key, server=emulator.server, quota=mine) as three,
    ):
        await asyncio.gather(one.groups.get(1, 1), two.groups.get(1, 1), three.groups.get(1, 1))
        assert one.quota.used == two.quota.used == 2
        assert (three.quota.used, three.quota.limit) == (1, 10)


def test_the_quota_can_be_asked_outside_a_loop() -> None:
    """client.quota answers before any loop runs: all free."""
    assert PartooClient("key").quota.available == 300
    assert PartooClient("key", rate_limit=None).quota.limit is None


async def test_tls_is_verified(emulator: Emulator) -> None:
    """A server that speaks plain HTTP where TLS is expected is refused at once, as final; a context may be passed."""
    url = emulator.url.replace("http://", "https://")
    async with PartooClient("key", server=url, ssl_context=ssl.create_default_context(), timeout=5) as client:
        with pytest.raises(Exception, match="TLS failed") as caught:
            await client.groups.get(1, 1)
    assert len(caught.value.attempts) == 1  # type: ignore[attr-defined]


@each("options", [{"timeout": -1}, {"proxy": "x"}, {"server": "moon"}, {}])
def test_no_frame_of_a_construction_error_holds_the_key(options: dict[str, Any]) -> None:
    """Whatever is wrong, the key is in no local variable of our frames."""
    key = "sk-secret-0123456789" if options else "sk-secret\n0123456789"
    with pytest.raises(ConfigurationError) as caught:
        PartooClient(key, **options)
    walk = caught.value.__traceback__
    frames = []
    while walk is not None:
        if "partoo_async" in walk.tb_frame.f_code.co_filename and "tests" not in walk.tb_frame.f_code.co_filename:
            frames.append(repr(walk.tb_frame.f_locals))
        walk = walk.tb_next
    assert frames
    assert "sk-secret" not in "".join(frames)


def test_a_copy_does_not_escape_its_loop() -> None:
    """What with_options() and scan() return belongs to the loop of the client that it was made from."""
    client = PartooClient("key", server="http://127.0.0.1:9/v2", retry=ONCE)

    async def use() -> None:
        with pytest.raises(Exception, match="at http://127.0.0.1:9/v2: cannot connect"):
            await client.groups.get(1, 1)

    async def use_copy() -> None:
        with pytest.raises(ClientClosedError, match="another event loop"):
            await client.with_options(timeout=5).groups.get(1, 1)
        with pytest.raises(ClientClosedError, match="another event loop"):
            await client.scan(7, group_ids=[1]).collect()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        second.run(use_copy())
        first.run(client.aclose())


async def test_an_explicit_quota_serves_loops_of_other_threads() -> None:
    """What one loop has used is used for the next one, and a request that was not sent there frees a slot here."""
    mine = Quota(RateLimit(1, 60.0))
    await asyncio.to_thread(asyncio.run, asyncio.wait_for(mine.acquire(), PATIENCE))
    assert not mine.try_acquire()
    assert mine.snapshot().used == 1


@pytest.mark.parametrize("coding", ["", "Content-Encoding: gzip\r\n"])
@pytest.mark.parametrize("idempotent", [None, True])
async def test_a_write_whose_answer_is_cut_says_that_it_was_done(coding: str, idempotent: bool | None) -> None:
    """The server accepted it, and what it said is lost: neither None, as if it had said nothing, nor done once more."""
    cut = f"HTTP/1.1 201 X\r\n{coding}Content-Length: 50\r\nConnection: close\r\n\r\n".encode() + b'{"id":'
    async with raw_server(cut) as server, PartooClient("key", server=server.url, retry=FAST) as client:
        with pytest.raises(APIResponseValidationError, match="the write was accepted") as caught:
            await client.request("POST", "orgs", json={"name": "x"}, idempotent=idempotent)
        assert (caught.value.status, caught.value.transient) == (201, False)
        await client.groups.delete(7, 42)
    assert len(server.requests) == 2


def test_a_quota_that_keeps_the_time_of_a_faked_clock_is_refused_elsewhere() -> None:
    """A test's loop may have a clock of its own: its times mean nothing in another one."""
    mine = Quota(RateLimit(1, 60.0))

    async def use() -> bool:
        return mine.try_acquire()

    assert run_virtual(use())
    for run in (run_virtual, asyncio.run):
        with pytest.raises(ClientClosedError, match="another event loop"):
            run(use())


@pytest.mark.parametrize(("path", "params"), [("/x/{}", None), ("/x", {"x-APIKey": "{}"})])
async def test_a_path_with_the_key_is_refused(path: str, params: dict[str, str] | None) -> None:
    """request() sends no path or query that holds the key, as it is or escaped, and the error does not show it."""
    key = "live+key/of&twenty=characters"
    filled = {name: value.format(key) for name, value in (params or {}).items()}
    async with PartooClient(key, server="http://127.0.0.1:9") as client:
        with pytest.raises(ConfigurationError, match="hold the API key; leave it out") as caught:
            await client.request("GET", path.format(urllib.parse.quote(key, safe="")), params=filled)
    assert key not in str(caught.value)
