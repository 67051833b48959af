"""What goes wrong on this side: callables for keys, clocks, pools, loops, processes, and paths that lead elsewhere."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from contextlib import suppress

import pytest

from partoo_async import (
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    PartooClient,
)
from tests.hostile.check import FRANCE, KEY, LINE, POLICY, ask, check, row
from tests.hostile.server import HostileServer, Line
from tests.support.common import PATIENCE
from tests.support.raw_server import GROUP, answer


async def test_a_key_that_cannot_be_had() -> None:
    """A callable that raises is one of our errors, which shows nothing of its text, and is tried again, unsent."""
    calls = []

    async def vault() -> str:
        calls.append(1)
        raise LookupError(f"no lease for {KEY}")

    async with HostileServer().serve() as server, PartooClient(vault, server=server.url, retry=POLICY) as client:
        outcome = await ask(client)
        assert client.quota.used == server.seen() == 0
    assert type(outcome.error) is APIConnectionError
    assert str(outcome.error).startswith("api_key: the callable raised LookupError")
    assert KEY not in str(outcome.error)
    assert outcome.error.__cause__ is outcome.error.__context__ is None
    assert len(calls) == LINE


async def test_a_timeout_of_the_callable_is_its_own() -> None:
    """It is not mistaken for the client's deadline."""

    async def vault() -> str:
        raise TimeoutError

    async with PartooClient(vault, server="http://127.0.0.1:9", retry=POLICY) as client:
        outcome = await ask(client)
    assert "the callable raised TimeoutError" in str(outcome.error)


async def test_a_callable_that_is_not_async() -> None:
    """It says what is expected, and does not show what was given."""
    async with PartooClient(lambda: KEY, server="http://127.0.0.1:9") as client:  # type: ignore[arg-type, return-value]
        outcome = await ask(client)
    assert type(outcome.error) is ConfigurationError
    assert "expected an async callable; this one returned str at once" in str(outcome.error)


@pytest.mark.parametrize(
    "path", ["/a/..;/b", "/a/.;x=1/b", "/..;", "/a/%2e%2e;/b", "/a/%252e%252e%253b/b", "/a/..%3b/b", "/a;/../b"]
)
async def test_a_path_with_parameters_does_not_lead_up(path: str) -> None:
    """Some servers cut off what follows a ';' and then fold '..': such a path is refused before it is sent."""
    async with HostileServer().serve() as server, PartooClient(KEY, server=server.url) as client:
        with pytest.raises(ConfigurationError, match="not allowed as parts"):
            await client.request("GET", path)
        assert server.seen() == 0


@row(45)
async def test_a_full_pool() -> None:
    """Who waits for a place among the requests in flight ends with its deadline, unsent, and gives its slot back."""

    async def silent(line: Line) -> None:
        await line.pause()

    async with HostileServer((silent,)).serve() as server:
        async with PartooClient(KEY, server=server.url, max_concurrency=1, retry=POLICY) as client:
            first = asyncio.create_task(client.request("GET", "/first"))
            async with asyncio.timeout(PATIENCE):
                while server.seen() < 1:
                    await asyncio.sleep(0.001)
            hurried = client.with_options(timeout=0.1)
            calls = (hurried.request("GET", f"/{number}") for number in range(3))
            errors = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error) for error in errors} == {DeadlineExceededError}
            assert client.quota.used == server.seen() == 1
            first.cancel()
            await asyncio.wait([first])
            await server.heal()
            assert (await ask(client)).result == FRANCE


@row(45)
async def test_the_wall_clock_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the monotonic clock counts: a wall clock that is set back a year changes nothing."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3e7)
    await check((answer(503), answer(429, b"", "Retry-After: 0.05"), answer(200, GROUP)), FRANCE, 3)


@row(45)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_was_closed() -> None:
    """A client outlives a loop that was closed under it, and works in the next one."""
    client = PartooClient(KEY, server="http://127.0.0.1:9")

    async def use(*, last: bool) -> object:
        async with HostileServer().serve() as server:
            outcome = await ask(client.with_options(server=server.url))
        if last:
            await client.aclose()
        return outcome.result

    assert asyncio.run(use(last=False)) == FRANCE
    assert asyncio.run(use(last=True)) == FRANCE
    gc.collect()  # what the first loop left behind complains here, as it should


@row(45)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
async def test_another_process() -> None:
    """After a fork a client refuses: two processes would read each other's answers."""
    async with HostileServer().serve() as server, PartooClient(KEY, server=server.url) as client:
        await ask(client)
        loop = asyncio.get_running_loop()
        pid = os.fork()
        if not pid:
            asyncio._set_running_loop(loop)  # as it is when the child goes on with the loop of its parent
            refused = False
            with suppress(BaseException):
                try:
                    client.groups.get(7, 42).send(None)
                except ClientClosedError as error:
                    refused = "before a fork" in str(error)
            os._exit(0 if refused else 1)
        assert os.waitpid(pid, 0)[1] == 0  # noqa: ASYNC222 - it ends at once
    assert server.seen() == 1
