"""The plain GET of a group is answered from its bytes: as the framework would have answered it, and in order."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from email.utils import formatdate
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from partoo_async.emulator import Behaviour, EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from partoo_async.emulator.data.keys import Caller
from partoo_async.emulator.http.group_json import group_json, section_json
from partoo_async.emulator.http.quick_reads import QuickReads, is_one_get
from partoo_async.policy import RateLimit
from tests.support.common import PATIENCE
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLAIN = b"GET /v2/sections/7/groups/42 HTTP/1.1\r\nHost: localhost\r\nx-APIKey: emulator-key\r\nAccept: */*\r\n\r\n"
LISTING = PLAIN.replace(b"/sections/7/groups/42", b"/sections/7")


def _sections() -> list[EmulatedSection]:
    groups = {42: EmulatedGroup(42, 'Frau "ß"', business_ids=["b1", "b2"]), 43: EmulatedGroup(43, "Empty")}
    return [EmulatedSection(7, "Country", groups), EmulatedSection(8, "Other", {1: EmulatedGroup(1, "A")}, org_id=2)]


@asynccontextmanager
async def _connected(**options: Any) -> AsyncIterator[tuple[Emulator, Any]]:
    """An emulator, and a function that sends bytes on one connection and returns so many responses without dates."""
    async with Emulator(**{"rate_limit": None, "sections": _sections(), **options}) as emulator:
        port = int(emulator.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def exchange(*pieces: bytes, responses: int = 1) -> list[tuple[list[bytes], bytes]]:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            found = []
            async with asyncio.timeout(PATIENCE):
                for _ in range(responses):
                    *lines, _, _ = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
                    length = next(int(line[16:]) for line in lines if line.startswith(b"Content-Length: "))
                    body = await reader.readexactly(length)
                    found.append(([line for line in lines if not line.startswith(b"Date: ")], body))
            return found

        try:
            yield emulator, exchange
        finally:
            writer.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each request that might be answered from its bytes, whether it was."""
    seen: list[bool] = []
    answer = QuickReads.answer

    def noted(self: QuickReads, data: bytes) -> bytes | None:
        found = answer(self, data)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(QuickReads, "answer", noted)
    return seen


def _seen(emulator: Emulator) -> list[Any]:
    return [evolve(request, time=0.0) for request in emulator.requests]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"42", b"42"),
        (b"42", b"0042"),
        (b"42", b"43"),
        (b"42", b"99"),
        (b"/7/", b"/8/"),
        (b"/7/", b"/9/"),
        (b"x-APIKey", b"X-APIKEY"),
        (b"emulator-key", b"wrong"),
        (b"emulator-key", b"expired"),
        (b"emulator-key", b"elsewhere"),
        (b"emulator-key", b"other"),
        (b"localhost", b"evil.example"),
        (b"localhost", b"127.0.0.1:80"),
        (b"Host: localhost\r\n", b""),
        (b"42 ", b"42?page=1 "),
        (b"GET", b"HEAD"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Accept: */*", b"Connection: close"),
        (b"Accept: */*", b"Content-Length: 0"),
        (b"Accept: */*", b"Accept: a\r\nAccept: b"),
        (b"Accept: */*", b"Odd Name: x"),
        (b"Accept: */*", b"Expect: 100-continue"),
        (b"Accept: */*", b"Upgrade: websocket\r\nConnection: Upgrade"),
        (b"Accept: */*", b"X-Folded: a\r\n b"),
        (b"Accept: */*", b"X-Latin: \xe9"),
    ],
)
async def test_both_ways_send_the_same_and_log_the_same(monkeypatch: pytest.MonkeyPatch, old, new) -> None:
    """Status, headers, their order, body and log are those of the framework, whatever is unusual in the request."""
    keys = {"expired": EmulatedKey(expired=True), "elsewhere": EmulatedKey(ip_whitelist=("203.0.113.1",))}
    keys |= {"other": EmulatedKey(org_id=2)}

    async def raw() -> tuple[bytes, list[Any]]:
        async with Emulator(rate_limit=None, sections=_sections(), api_keys=keys) as emulator:
            port = int(emulator.url.split(":")[2].split("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(PLAIN.replace(old, new))
            async with asyncio.timeout(PATIENCE):
                data = await reader.read(1)
                # Not before: the two requests might arrive together.
                writer.write(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                data += await reader.read(-1)
            writer.close()
            return b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"Date:")), _seen(emulator)

    first = await raw()
    monkeypatch.setattr(QuickReads, "answer", lambda *_: None)
    assert await raw() == first


async def test_plain_reads_do_without_the_framework(quick: list[bool]) -> None:
    """After each one, and after anything else that was one whole GET too."""
    async with _connected() as (emulator, exchange):
        for request in (PLAIN, PLAIN, LISTING, PLAIN, PLAIN.replace(b"42", b"99"), PLAIN):
            await exchange(request)
        assert quick == [True, True, False, True, False, True]
        assert [seen.status for seen in emulator.requests] == [200, 200, 200, 200, 404, 200]


async def test_it_sees_what_is_changed() -> None:
    """Names, members and groups are read at each request."""
    async with _connected() as (emulator, exchange):
        groups = emulator.sections[7].groups
        groups[42].name, groups[42].has_puller = "New", True
        groups[42].business_ids.append("b3")
        [(_, body)] = await exchange(PLAIN)
        assert body == b'{"id":42,"name":"New","has_puller":true,"business_ids":["b1","b2","b3"]}'
        del groups[42]
        [(lines, _)] = await exchange(PLAIN)
        assert lines[0] == b"HTTP/1.1 404 Not Found"


@pytest.mark.parametrize(
    "pieces",
    [
        [PLAIN + PLAIN + PLAIN],
        [LISTING + PLAIN, PLAIN],
        [LISTING, PLAIN + PLAIN],
        [LISTING, PLAIN, PLAIN],
        [PLAIN[:30], PLAIN[30:] + PLAIN[:-1], PLAIN[-1:] + PLAIN],
        [PLAIN, LISTING, PLAIN],
    ],
)
async def test_responses_come_in_the_order_of_the_requests(pieces) -> None:
    """However the bytes of pipelined requests are cut into pieces."""
    sent = b"".join(pieces)
    order = [line == PLAIN.split(b"\r\n")[0] for line in sent.split(b"\r\n") if line.startswith(b"GET")]
    async with _connected() as (_, exchange):
        found = await exchange(*pieces, responses=len(order))
        assert ["business_ids" in json.loads(body) for _, body in found] == order


async def test_faults_hit_plain_reads_too(quick: list[bool]) -> None:
    """While one is active, and for a connection that has only served plain reads before."""
    async with _connected() as (emulator, exchange):
        await exchange(PLAIN)
        emulator.faults.add("status", status=500, times=1)
        [(lines, _)] = await exchange(PLAIN)
        assert lines[0].startswith(b"HTTP/1.1 500")
        await exchange(PLAIN)
        assert quick == [True, False, True]
        emulator.faults.add("idle_close")
        with pytest.raises(asyncio.IncompleteReadError):
            await exchange(PLAIN)


@pytest.mark.parametrize(
    "options",
    [
        {"rate_limit": RateLimit(2, per=60)},
        {"latency": 0.001},
        {"api_keys": {"emulator-key": EmulatedKey(expired=True)}},
    ],
)
async def test_limits_delays_and_refused_keys_take_the_long_way(quick: list[bool], options) -> None:
    """So that each of them has one place."""
    async with _connected(**options) as (_, exchange):
        await exchange(PLAIN)
        assert not any(quick)


async def test_a_slow_reader_is_waited_for() -> None:
    """Of many large responses that nobody reads only a few are kept in memory; all of them come in the end."""
    ids = [f"{number:024x}" for number in range(40_000)]
    sections = [EmulatedSection(7, "Country", {42: EmulatedGroup(42, "Large", business_ids=ids)})]
    async with _connected(sections=sections) as (emulator, exchange):
        await exchange(*[PLAIN] * 40, responses=0)
        for _ in range(200):  # turns of the event loop: enough to answer all of them
            await asyncio.sleep(0)
        assert len(emulator.requests) < 20
        found = await exchange(responses=40)
        assert {len(body) for _, body in found} == {1_080_060}


@pytest.mark.parametrize("name", [None, 5, ["é"], "é"])
def test_a_name_may_be_anything(name: Any) -> None:
    """A test may set a group's name to what a client must not trip over."""
    group = EmulatedGroup(7, name, business_ids=["é", "a1"])
    told = {"id": 7, "name": name, "has_puller": False}
    encoded = group_json(group, group.business_ids)
    assert encoded == json.dumps({**told, "business_ids": ["é", "a1"]}, separators=(",", ":")).encode()
    section = section_json(EmulatedSection(1, "C", {7: group}), Caller("key-1"))
    assert json.loads(section)["groups"] == [told]


TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)


@given(TEXTS, st.booleans(), st.lists(TEXTS | st.sampled_from(["a1", '"', "\\", "\x7f", "\x1f", ","]), max_size=5))
def test_a_group_is_encoded_as_by_the_standard_library(name: str, has_puller: bool, ids: list[str]) -> None:
    """Whatever is in its name and its ids, half a character included."""
    expected = {"id": 7, "name": name, "has_puller": has_puller, "business_ids": ids}
    group = EmulatedGroup(7, name, has_puller, ids)
    assert group_json(group, group.business_ids) == json.dumps(expected, separators=(",", ":")).encode()


@given(
    TEXTS,
    st.lists(st.tuples(TEXTS, st.booleans()), max_size=3),
    st.tuples(*[st.booleans()] * 3),
    st.sampled_from([Caller("key-1"), Caller("key-2", EmulatedKey(read_only=True))]),
)
def test_a_section_is_encoded_as_by_the_standard_library(name, groups, flags, caller) -> None:
    """With its groups or without, and with what the caller may do."""
    can_edit, has_puller, with_groups = flags
    made = {number: EmulatedGroup(number, *group) for number, group in enumerate(groups)}
    shown = [{"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in made.values()]
    expected = {"id": 7, "name": name, **({"groups": shown} if with_groups else {})}
    expected |= {"can_edit": can_edit and caller.may_write, "has_puller": has_puller}
    section = EmulatedSection(7, name, made, can_edit, has_puller)
    assert section_json(section, caller, groups=with_groups) == json.dumps(expected, separators=(",", ":"))


@each(
    ("data", "whole"),
    [
        (PLAIN, True),
        (LISTING, True),
        (PLAIN[:-1], False),
        (PLAIN + PLAIN, False),
        (PLAIN + b"x", False),
        (PLAIN.replace(b"Accept: */*", b"Content-Length: 3"), False),
        (PLAIN.replace(b"*/*", b"x" * 5_000), False),
        (b"".join([PLAIN[:-2], *(b"X-%d: x\r\n" % number for number in range(100)), b"\r\n"]), False),
        (PLAIN.replace(b"GET", b"POST"), False),
    ],
)
def test_one_whole_get_is_known(data, whole) -> None:
    """Anything else leaves its connection to the framework, which alone knows when it is done."""
    assert is_one_get(data) is whole


def test_the_date_is_that_of_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes with the second of the clock on the wall, wherever in a second the first request comes."""
    start, passed = 1_760_000_000.75, 0.0
    clock = SimpleNamespace(monotonic=lambda: 5.0 + passed, time=lambda: start + passed)
    monkeypatch.setattr("partoo_async.emulator.http.quick_reads.time", clock)
    answer = Emulator(sections=_sections(), rate_limit=None)._listener.answer
    for passed in (0.0, 0.125, 0.25, 1.125, 1.25, 1.5, 60.0):
        found = answer(PLAIN)
        assert found is not None
        assert f"\r\nDate: {formatdate(int(start + passed), usegmt=True)}\r\n".encode() in found


def test_what_is_remembered_of_requests_is_bounded() -> None:
    """However many different headers come, and nothing of requests that are no plain reads."""
    answer = Emulator(sections=_sections(), rate_limit=None)._listener.answer
    known = answer.__self__._known  # type: ignore[attr-defined]
    for number in range(600):
        assert answer(PLAIN.replace(b"*/*", b"%d" % number)) is not None
        assert answer(PLAIN.replace(b"GET", b"POST").replace(b"*/*", b"%d" % number)) is None
        assert 0 < len(known) <= 256
    assert {path for path, _ in known} == {b"GET /v2/sections/7/groups"}


def test_an_order_is_kept_for_behaviours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the open questions say about ids holds for plain reads: here, sorted."""
    sections = [EmulatedSection(7, "C", {42: EmulatedGroup(42, "A", business_ids=["b2", "b1"])})]
    emulator = Emulator(sections=sections, rate_limit=None, behaviour=Behaviour(business_order="sorted"))
    found = emulator._listener.answer(PLAIN)
    assert found is not None
    assert found.endswith(b'"business_ids":["b1","b2"]}')
