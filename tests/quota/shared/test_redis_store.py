"""The store in Redis: the script does what the rules do, and what happens to the server is an error that says so."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from partoo_async.policy import RateLimit
from partoo_async.quota.shared.messages import Reply, Report, Terms, terms_of
from partoo_async.quota.shared.redis_store import RedisStore
from partoo_async.quota.shared.rules import exchange
from partoo_async.quota.shared.store import StoreError
from tests.support.common import PATIENCE
from tests.support.redis_server import RedisServer, free_port, redis_server

MINUTE = terms_of(RateLimit(300, 60.0), 0.1, 1.0)
# What members of one quota may disagree about: limits, windows, reserves, and how much of the quota is safe.
TERMS = [
    terms_of(RateLimit(requests, per, reserve), fallback, 0.2)
    for requests, per, reserve, fallback in [(30, 2.0, 0.1, 0.1), (60, 2.0, 0.3, 0.5), (40, 3.0, 0.0, 0.1)]
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url, "partoo:quota:test", PATIENCE)
    await store.open()
    yield store
    await store.aclose()


class Processes:
    """Random processes that say what processes say, and now and then what none would."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 1_700_000_000_000
        self.sent: dict[str, int] = {}

    def tick(self) -> int:
        chance = self.chance
        # Now and then the store is silent for long, or its clock steps. In steps of 50 ms, so that moments meet.
        self.now += 50 * (chance.choice([0, 0, 1, 1, 2, 5]) if chance.random() < 0.99 else chance.randint(-60, 80))
        return self.now

    def report(self, version: int) -> tuple[Report, Terms]:
        chance = self.chance
        owner = chance.choice("abcde")
        n = self.sent.get(owner, 0) + (1 if chance.random() < 0.95 else 0)
        self.sent[owner] = n
        lost = chance.random() < 0.005
        cooling = tuple((50 * chance.randint(0, 40), chance.randint(1, 4)) for _ in range(chance.randint(0, 3)))
        fields: dict[str, Any] = dict(  # noqa: C408 - as the arguments that they become
            owner=owner,
            n=n,
            seen=version + 3 if lost else chance.choice([0, version]),
            held=chance.choice([0, 0, 1, 3]),
            cooling=cooling if chance.random() < 0.5 else (),
            interactive=chance.choice([0, 0, 1, 4, 40]),
            bulk=chance.choice([0, 2, 50]),
            reserve_for=chance.choice([0, 0, 2000]),
            pause=50 * chance.randint(1, 10) if chance.random() < 0.01 else 0,
            spaced=50 * chance.randint(1, 20) if chance.random() < 0.01 else 0,
            answered=chance.random() < 0.7,
            alone=chance.random() < 0.1,
            leave=chance.random() < 0.05,
        )
        assert fields.keys() == set(Report._fields), "a field that is always the default would not be compared"
        return Report(**fields), chance.choice(TERMS)


async def compare(server: RedisServer, seeds: range, steps: int) -> int:
    """Both sides through the same exchanges; return how many slots were given."""
    granted = 0
    for seed in seeds:
        store = RedisStore(server.url, f"partoo:quota:{seed}", PATIENCE)
        processes, state = Processes(seed), None
        for step in range(steps):
            report, terms = processes.report(state["version"] if state else 0)
            now = processes.tick()
            before = copy.deepcopy(state)
            state, expected = exchange(state, report, terms, now)
            answer = await store.exchange(report, terms, now)
            assert answer == expected, (seed, step, before, report, terms, now)
            granted += answer.granted
            if step % 4 == 0:
                kept, _ = await store.look() or ({}, 0)
                assert kept == json.loads(json.dumps(state)), (seed, step, before, report, terms, now)
        await store.aclose()
    return granted


async def test_the_script_does_what_the_rules_do(server: RedisServer) -> None:
    """The same answers, and the same state at the end, in random runs of exchanges."""
    assert await compare(server, range(20), 100) > 1000


@pytest.mark.soak
async def test_the_script_does_what_the_rules_do_in_long_runs(server: RedisServer) -> None:
    """The long form."""
    assert await compare(server, range(100, 300), 500) > 10_000


async def test_each_quota_is_one_key_that_goes_by_itself(server: RedisServer, store: RedisStore) -> None:
    """Abandoned quotas do not stay for ever: two windows and two leases after the last exchange, and ten seconds."""
    assert await store.look() is None
    reply = await store.exchange(Report("a", 1, bulk=5), MINUTE)
    assert (reply.version, reply.members, reply.granted) == (1, 1, 5)
    assert await server.command("DBSIZE") == b":1\r\n"
    left = int((await server.command("PTTL", "partoo:quota:test")).strip(b":\r\n"))
    assert 0 <= 2 * MINUTE.hold + 2 * MINUTE.ttl + 10_000 - left < PATIENCE * 1000
    found = await store.look()
    assert found is not None
    assert found[0]["owners"]["a"]["held"] == 5
    assert [name async for name, _, _ in store.look_all()] == ["partoo:quota:test"]


async def test_a_pause_of_an_hour_is_kept_for_an_hour(server: RedisServer, store: RedisStore) -> None:
    """Nobody may come in the meantime and find a quota that knows of no pause."""
    await store.exchange(Report("a", 1, pause=3_600_000), MINUTE)
    assert int((await server.command("PTTL", "partoo:quota:test")).strip(b":\r\n")) > 3_500_000


async def test_what_is_no_state_is_as_good_as_nothing(server: RedisServer, store: RedisStore) -> None:
    """A key with another text, or with the state of a version that had other fields, is written anew."""
    for number, text in enumerate(["garbage", "[]", "3", '{"owners": 3}', '{"owners": {"a": {}}, "version": 7}'], 1):
        await server.command("SET", "partoo:quota:test", text)
        reply = await store.exchange(Report("a", number, seen=10 * number, bulk=9), MINUTE)
        assert (reply.granted, reply.version) == (0, 10 * number + 1), text


async def test_a_server_that_forgot_the_script_is_told_it_again(server: RedisServer, store: RedisStore) -> None:
    """As after SCRIPT FLUSH."""
    await store.exchange(Report("a", 1), MINUTE)
    assert await server.command("SCRIPT", "FLUSH") == b"+OK\r\n"
    assert (await store.exchange(Report("a", 2), MINUTE)).version == 2


async def test_a_server_that_restarts_is_found_again(server: RedisServer, store: RedisStore) -> None:
    """While it is away, an exchange fails; the first one after that works, and shows that the state is gone."""
    assert (await store.exchange(Report("a", 1, seen=0), MINUTE)).version == 1
    server.kill()
    for number in (2, 3):
        with pytest.raises(StoreError, match="^Redis: "):
            await store.exchange(Report("a", number, seen=1), MINUTE)
    await server.start()
    assert (await store.exchange(Report("a", 4, seen=1, bulk=5), MINUTE))[1:3] == (2, 0)


async def test_a_server_that_hangs_is_given_up(server: RedisServer) -> None:
    """After the timeout, which bounds the whole exchange; then it answers as if nothing had been."""
    store = RedisStore(server.url, "partoo:quota:test", 0.05)
    await store.open()
    server.signal(signal.SIGSTOP)
    for number in (1, 2, 3):
        with pytest.raises(StoreError, match=r"Redis gave no answer in 0.05 s"):
            await store.exchange(Report("a", number), MINUTE)
    server.signal(signal.SIGCONT)
    store._timeout = PATIENCE
    reply = await store.exchange(Report("a", 4), MINUTE)
    assert reply.n == 4
    await store.aclose()


async def test_a_cancelled_exchange_leaves_no_answer_behind(store: RedisStore) -> None:
    """Wherever it is cancelled, the next one reads its own answer."""
    await store.exchange(Report("a", 1), MINUTE)
    for number in range(2, 40):
        exchanging = asyncio.ensure_future(store.exchange(Report("a", number), MINUTE))
        for _ in range(number % 8):
            await asyncio.sleep(0)
        exchanging.cancel()
        await asyncio.wait([exchanging])
        assert (await store.exchange(Report("b", number), MINUTE)).n == number


async def test_the_answer_to_another_exchange_is_an_error(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its slots were for another moment. The connection is not used again."""
    await store.exchange(Report("a", 1), MINUTE)

    async def script(keys: object, args: object) -> bytes:
        return json.dumps(Reply(1, 5, 3, 0, 1, 1, 0, 300, 60050)).encode()

    with monkeypatch.context() as patch:
        patch.setattr(store, "_script", script)
        with pytest.raises(StoreError, match="answered exchange 1 in place of 2"):
            await store.exchange(Report("a", 2), MINUTE)
    assert (await store.exchange(Report("a", 3), MINUTE)).n == 3


async def test_passwords_work_and_are_not_told(tmp_path: Path) -> None:
    """A wrong one is an error, which shows neither it nor the right one."""
    async with redis_server(tmp_path, "--requirepass", "s3cret", port=free_port()) as server:
        address = f"127.0.0.1:{server.port}/0"
        store = RedisStore(f"redis://:s3cret@{address}", "partoo:quota:test", PATIENCE)
        await store.open()
        await store.exchange(Report("a", 1), MINUTE)
        await store.aclose()
        for url in (f"redis://:wr0ng@{address}", f"redis://{address}"):
            store = RedisStore(url, "partoo:quota:test", PATIENCE)
            with pytest.raises(StoreError) as caught:
                await store.open()
            assert not {"s3cret", "wr0ng"} & {word for word in ("s3cret", "wr0ng") if word in str(caught.value)}
            await store.aclose()


async def test_closing_twice_is_fine_and_opening_again_too(store: RedisStore) -> None:
    """After ``aclose`` an exchange connects anew."""
    await store.aclose()
    await store.aclose()
    assert (await store.exchange(Report("a", 1), MINUTE)).n == 1


async def test_connections_of_a_loop_that_is_gone_are_forgotten(server: RedisServer) -> None:
    """No warning when they are collected, and the store works in another event loop."""
    store = RedisStore(server.url, "partoo:quota:test", PATIENCE)

    def elsewhere() -> None:
        with asyncio.Runner() as runner:
            runner.run(store.exchange(Report("a", 1), MINUTE))

    await asyncio.to_thread(elsewhere)
    store.abandon()
    gc.collect()
    assert (await store.exchange(Report("a", 2), MINUTE)).version == 2
    await store.aclose()
