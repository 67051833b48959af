"""One fault after another against the public client, and everything that has to hold after each of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from attrs import define, frozen

from partoo_async import Event, Group, PartooClient, PartooError, RequestEvent, RetryPolicy
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.hostile.server import HostileServer, Script
from tests.hostile.watcher import MEBIBYTE, Watcher
from tests.support.common import PATIENCE, TLS

KEY = "sk-hostile-0123456789abcdef"
FRANCE = Group(42, "France", False, ("a", "b"))
POLICY = RetryPolicy(max_retries=3, initial_backoff=0.001, max_backoff=0.002)

# How often a request is sent, with that policy, depending on what is wrong with the answer.
FINAL, FOREIGN, UNREADABLE, LINE = 1, 2, 3, 4

_MOST_MEMORY = (32 + 20) * MEBIBYTE

_Test = TypeVar("_Test", bound=Callable[..., Any])


def row(*numbers: int) -> Callable[[_Test], _Test]:
    """Mark a test as one that shows these rows of the table of faults in docs/reliability.md."""

    def mark(test: _Test) -> _Test:
        test.rows = numbers  # type: ignore[attr-defined]
        return test

    return mark


class Stage(Protocol):
    """A server with something wrong."""

    url: str

    def seen(self) -> int:
        """How many requests it has read."""

    async def heal(self) -> None:
        """Be well from now on."""


@frozen
class Played:
    """The emulator with one of its faults."""

    kind: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return "-".join([self.kind, *(str(value) for value in self.options.values())])


def played(kind: str, **options: Any) -> Played:
    return Played(kind, options)


def named(value: object) -> str | None:
    """The id of a fault in a parametrized test: its kind, or how its bytes begin; functions have a name."""
    if isinstance(value, bytes):
        return ascii(value[:24])[2:-1].replace("HTTP/1.1 ", "")
    return str(value) if isinstance(value, Played) else None


@define
class _EmulatorStage:
    emulator: Emulator
    url: str

    def seen(self) -> int:
        return len(self.emulator.requests)

    async def heal(self) -> None:
        self.emulator.faults.clear()


@contextlib.asynccontextmanager
async def stage_of(fault: Played | Script | tuple[Script, ...]) -> AsyncIterator[Stage]:
    if not isinstance(fault, Played):
        async with HostileServer(fault if isinstance(fault, tuple) else (fault,)).serve() as server:
            yield server
        return
    group = EmulatedGroup(42, "France", business_ids=["a", "b"])
    sections = [EmulatedSection(7, "Country", {42: group})]
    async with Emulator(sections=sections, api_key=KEY, rate_limit=None) as emulator:
        emulator.faults.add(fault.kind, **fault.options)
        yield _EmulatorStage(emulator, emulator.url)


@frozen
class Outcome:
    """What came of a call."""

    result: object
    error: PartooError | None


async def ask(client: PartooClient) -> Outcome:
    """Read a group. Fails when that does not end; how soon it has to, tests in virtual time say."""
    try:
        async with asyncio.timeout(PATIENCE):
            return Outcome(await client.groups.get(7, 42), None)
    except PartooError as error:
        return Outcome(None, error)


async def check(
    fault: Played | Script | tuple[Script, ...] | contextlib.AbstractAsyncContextManager[Stage],
    expected: type[PartooError] | Group = FRANCE,
    sends: int = 1,
    *,
    tries: int | None = None,
    then: type[PartooError] | Group = FRANCE,
    warm: bool = False,
    memory: int = _MOST_MEMORY,
    **options: Any,
) -> PartooError | None:
    """Read a group through a fault, and once more when it is over; return the error of the first call.

    ``expected``: the result, or the very class of the error. ``sends``: requests that leave; ``tries``: attempts, when
    they are more than that. ``then``: what the second call brings. ``warm``: begin with a call that goes well.
    ``memory``: the bytes by which this process may grow.
    """
    events: list[Event] = []
    options = {"retry": POLICY, "timeout": 30.0, "ssl_context": TLS, **options}
    stage = fault if isinstance(fault, contextlib.AbstractAsyncContextManager) else stage_of(fault)
    async with Watcher() as watcher:
        async with stage as server:
            async with PartooClient(KEY, server=server.url, on_event=events.append, **options) as client:
                first = await ask(client) if warm else None
                outcome = await ask(client)
                _assert_is(outcome, expected)
                warmed = 0 if first is None else 1
                assert server.seen() == client.quota.used == _sent(events) == sends + warmed
                if outcome.error is not None:
                    attempts = outcome.error.attempts
                    assert sum(attempt.request_sent for attempt in attempts) == sends
                    assert len(attempts) == (tries or sends)
                assert watcher.growth <= memory, watcher.growth / MEBIBYTE
                await server.heal()
                _assert_is(await ask(client), then)
            # The key goes where the client connects to, and that is the chosen server and nothing else.
            port = int(server.url.split(":")[2].split("/")[0])
            assert set(watcher.connected) <= {("127.0.0.1", port)}
    await watcher.assert_nothing_left()
    return outcome.error


def _assert_is(outcome: Outcome, expected: type[PartooError] | Group) -> None:
    if isinstance(expected, Group):
        assert outcome.error is None, outcome.error
        assert outcome.result == expected
    else:
        assert type(outcome.error) is expected, outcome
        assert KEY not in f"{outcome.error} {outcome.error!r} {vars(outcome.error)}"


def _sent(events: list[Event]) -> int:
    return sum(isinstance(event, RequestEvent) for event in events)
