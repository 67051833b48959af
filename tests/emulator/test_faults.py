"""Which requests a fault hits, how often, and what the server makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from partoo_async import PartooClient, RetryPolicy
from partoo_async.emulator import Emulator
from partoo_async.emulator.faults import GROUPS, KINDS, Fault, Faults
from partoo_async.emulator.faults.active import check_match
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit
from tests.emulator import (
    test_faults_connection,
    test_faults_content,
    test_faults_encodings,
    test_faults_framing,
    test_faults_statuses,
    wire,
)
from tests.emulator.wire import GROUP_PATH, ask, emulated
from tests.support.each import each

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "inject-faults.md"
ON_THE_WIRE = (
    test_faults_connection,
    test_faults_content,
    test_faults_encodings,
    test_faults_framing,
    test_faults_statuses,
)


def test_every_kind_is_shown_on_the_wire() -> None:
    """A kind without such a test may do nothing at all, and a test of the client that uses it would show nothing."""
    assert len(ON_THE_WIRE) == len(GROUPS)
    assert set(KINDS) == wire.SHOWN


def test_names_are_unique_and_plain() -> None:
    """One name is one kind, with one line about it, and no option that ``add`` means something else by."""
    kinds = [kind for group in GROUPS.values() for kind in group]
    assert len(kinds) == len(KINDS)
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", kind.name)
        assert kind.about
        assert "\n" not in kind.about
        assert not {option.name for option in kind.options} & {"match", "times", "probability", "processed"}


async def test_a_fault_hits_as_many_requests_as_asked_for() -> None:
    """Then it is over, and says so."""
    async with emulated() as emulator:
        fault = emulator.faults.add("status", times=2)
        assert [(await ask(emulator)).status for _ in range(3)] == [500, 500, 200]
        assert (fault.hits, fault.exhausted, list(emulator.faults)) == (2, True, [])
        assert [(seen.status, seen.fault) for seen in emulator.requests] == [
            (500, "status"),
            (500, "status"),
            (200, None),
        ]


async def test_without_a_number_every_request_is_hit_until_the_fault_is_removed() -> None:
    """Removing is safe to repeat, and clear() removes all."""
    async with emulated() as emulator:
        fault = emulator.faults.add("status")
        other = emulator.faults.add("gateway_page")
        assert list(emulator.faults) == [fault, other]
        assert [(await ask(emulator)).status for _ in range(3)] == [500, 500, 500]
        fault.remove()
        fault.remove()
        assert (await ask(emulator)).status == 502
        emulator.faults.clear()
        assert (await ask(emulator)).whole()
        assert (fault.hits, other.hits, len(emulator.faults)) == (3, 1, 0)


async def test_faults_come_in_the_order_of_adding() -> None:
    """So that a story can be told: two errors, a cut, then all is well."""
    async with emulated() as emulator:
        emulator.faults.add("status", times=2)
        emulator.faults.add("close", times=1)
        for _ in range(4):
            await ask(emulator)
        assert [seen.status for seen in emulator.requests] == [500, 500, None, 200]
        assert [seen.fault for seen in emulator.requests] == ["status", "status", "close", None]


@each(
    ("match", "method", "path", "expected"),
    [
        (None, "GET", "/sections", True),
        ("GET", "GET", "/anything/at/all", True),
        ("GET", "POST", "/sections", False),
        ("/sections/7", "GET", "/sections/7", True),
        ("/sections/7", "DELETE", "/sections/7", True),
        ("/sections/7", "GET", "/sections/77", False),
        ("/sections/7", "GET", "/sections/7/groups/42", False),
        ("DELETE /sections/7", "GET", "/sections/7", False),
        ("  DELETE   /sections/7 ", "DELETE", "/sections/7", True),
        ("/sections/{section_id}/groups/{group_id}", "GET", "/sections/7/groups/42", True),
        ("/sections/{section_id}/groups/{group_id}", "GET", "/sections/7/groups", False),
        ("/sections/{section_id}", "GET", "/sections/7/groups/42", False),
        ("/sections/{section_id}", "GET", "/sections/", False),
        ("/sections/7/groups/{any}", "GET", "/sections/7/groups/42", True),
        ("/sections/7/groups/{any}", "GET", "/sections/9/groups/42", False),
        ("/v2/sections/7", "GET", "/sections/7", True),
        ("/a.b", "GET", "/axb", False),
        (lambda method, path: path.endswith("2"), "GET", "/sections/7/groups/42", True),
        (lambda method, path: method == "POST", "GET", "/sections/7/groups/42", False),
    ],
)
def test_which_requests_are_meant(match, method, path, expected) -> None:
    """A method, a path, a template, or a function that decides."""
    assert check_match(match)(method, path) is expected


async def test_a_fault_hits_what_it_matches_only() -> None:
    """Paths are compared without the base path and without the query."""
    async with emulated() as emulator:
        emulator.faults.add("status", match="GET /sections")
        emulator.faults.add("gateway_page", match="GET /sections/{section_id}/groups/{group_id}")
        assert (await ask(emulator, "GET", "/sections?page=1")).status == 500
        assert (await ask(emulator, "GET", GROUP_PATH)).status == 502
        assert (await ask(emulator, "GET", "/sections/7")).status == 200


def _first(faults: Faults, method: str = "GET") -> Fault | None:
    return next(faults.hitting(method, "/sections", reused=False), None)


def _draws(seed: int, *, others: int = 0, count: int = 2000) -> list[bool]:
    """Which of ``count`` requests are hit at a probability of 0.3, with other faults added after this one."""
    faults = Faults(seed)
    fault = faults.add("status", probability=0.3)
    for _ in range(others):
        faults.add("reset", probability=0.5)
    return [_first(faults) is fault for _ in range(count)]


def test_chance_depends_on_the_seed_alone() -> None:
    """The same requests are hit in every run with a seed, whatever other faults there are, and others with another."""
    assert _draws(1) == _draws(1) == _draws(1, others=3) != _draws(2)


def test_a_probability_is_the_share_of_requests_hit() -> None:
    """Of 2,000 requests at 0.3 about 600; none at 0, all at 1."""
    assert 500 < sum(_draws(1)) < 700
    faults = Faults(0)
    never = faults.add("status", probability=0)
    always = faults.add("status", probability=1)
    assert all(_first(faults) is always for _ in range(100))
    assert (never.hits, always.hits) == (0, 100)


def test_chaos_hits_its_share_and_every_kind_alike() -> None:
    """Of 9,000 GET requests at 0.5 about 4,500, 500 by each of nine kinds; and no writes."""
    faults = Faults(3)
    mix = faults.chaos(0.5)
    hits = sum(_first(faults) is not None for _ in range(9000))
    assert _first(faults, "POST") is None
    assert 4200 < hits < 4800
    assert len(mix) == 9
    assert all(400 < fault.hits < 600 for fault in mix)


def test_chaos_of_everything_and_of_nothing() -> None:
    """At 1 no request gets through, at 0 there is no fault at all."""
    faults = Faults(0)
    assert (faults.chaos(0), len(faults)) == ((), 0)
    faults.chaos(1, match=None)
    assert all(_first(faults, "POST") for _ in range(1000))


async def test_chaos_is_harmless_to_a_client_that_retries() -> None:
    """Every third request fails, and every group is there in the end."""
    retry = RetryPolicy(max_retries=20, initial_backoff=0.001, max_backoff=0.002)
    async with Emulator(chaos=0.3, seed=7, rate_limit=None) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server, retry=retry, rate_limit=None) as partoo:
            for group_id in range(40, 64):
                assert (await partoo.groups.get(7, group_id)).id == group_id
        assert any(seen.fault for seen in emulator.requests)


async def test_a_gateway_does_not_ask_for_the_key() -> None:
    """A fault of line or gateway hits anybody, known or not; what spoils a success leaves a refusal alone."""
    async with emulated() as emulator:
        spoiling = emulator.faults.add("truncated_json")
        assert (await ask(emulator, key="wrong")).status == 401
        assert spoiling.hits == 0
        emulator.faults.add("gateway_page", times=1)
        emulator.faults.add("reset", times=1)
        assert (await ask(emulator, key="wrong")).status == 502
        assert (await ask(emulator, key="wrong")).end == "reset"
        assert [(seen.key_id, seen.status) for seen in emulator.requests] == [(None, 401), (None, 502), (None, None)]


async def test_a_fault_costs_quota() -> None:
    """The server has received the request, whatever came of it; over the quota, faults go on."""
    async with emulated(rate_limit=RateLimit(requests=2, per=60)) as emulator:
        emulator.faults.add("gateway_page", times=1)
        emulator.faults.add("reset", times=1)
        await ask(emulator)
        await ask(emulator)
        assert (await ask(emulator)).status == 429
        emulator.faults.add("gateway_page", times=1)
        assert (await ask(emulator)).status == 502
        assert [seen.fault for seen in emulator.requests] == ["gateway_page", "reset", None, "gateway_page"]


@pytest.mark.parametrize(
    ("kind", "processed", "expected"),
    [
        ("reset", None, True),
        ("reset", False, False),
        ("close_in_body", None, True),
        ("gateway_page", None, False),
        ("gateway_page", True, True),
        ("rate_limited", None, False),
        ("no_content_with_body", None, True),
        ("truncated_json", True, True),
    ],
)
async def test_whether_the_server_acts_on_the_request(kind, processed, expected) -> None:
    """A cut comes after it, a gateway's refusal before it, unless told otherwise: the hard cases for a write."""
    async with emulated() as emulator:
        fault = emulator.faults.add(kind, processed=processed)
        assert fault.processed is expected
        await ask(emulator, "DELETE", GROUP_PATH)
        assert (not emulator.sections[7].groups) is expected


@pytest.mark.parametrize("path", ["/", "/elsewhere", "/v2"])
async def test_what_is_no_part_of_the_api_is_not_hit(path) -> None:
    """The status page above all: only what is under the base path."""
    async with emulated() as emulator:
        fault = emulator.faults.add("reset")
        async with wire.connected(emulator) as connection:
            connection.connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            assert (await connection.rest()).end == "closed"
        assert fault.hits == 0


async def test_a_fault_without_anything_to_spoil_makes_room_for_the_next() -> None:
    """Unless that one says that the server does not act on the request, which it has by now."""
    async with emulated() as emulator:
        missing = emulator.faults.add("missing_field", field="nothing")
        gateway = emulator.faults.add("gateway_page", match="DELETE")
        cut = emulator.faults.add("truncated_json")
        received = await ask(emulator, "DELETE", GROUP_PATH)
        assert received.body == b'{"status":"success","id":42}'[:14]
        assert (missing.hits, gateway.hits, cut.hits) == (0, 0, 1)
        assert [seen.fault for seen in emulator.requests] == ["truncated_json"]
        assert (await ask(emulator, "DELETE", GROUP_PATH)).status == 502
        assert (missing.hits, gateway.hits, cut.hits) == (0, 1, 1)


async def test_faults_stay_over_a_restart() -> None:
    """Like the quota and the log."""
    emulator = emulated()
    emulator.faults.add("status", times=2)
    for _ in range(2):
        async with emulator:
            assert (await ask(emulator)).status == 500
    async with emulator:
        assert (await ask(emulator)).whole()


def test_a_handle_tells_what_it_was_added_with() -> None:
    """Also in its repr, which shows in the report of a failed test."""
    faults = Faults(0)
    fault = faults.add("stall", match="GET", times=3, probability=0.5, seconds=2)
    assert (fault.kind, fault.match, fault.times, fault.probability) == ("stall", "GET", 3, 0.5)
    assert (fault.processed, fault.options, fault.hits) == (True, {"seconds": 2.0}, 0)
    assert repr(fault) == "<Fault 'stall', match 'GET', 0 of 3 hits>"
    assert repr(faults.add("reset")) == "<Fault 'reset', 0 hits>"
    assert repr(faults) == "<Faults: stall, reset>"
    assert repr(Faults(0)) == "<Faults: none>"


@each(
    ("arguments", "message"),
    [
        ({"kind": "resett"}, r"kind: expected the name of a fault, not 'resett'; did you mean 'reset'"),
        ({"kind": "gzip"}, r"kind: .*'cut_gzip' or 'gzip_bomb' or 'corrupt_gzip'\?"),
        ({"kind": "zzzz"}, r"kind: expected the name of a fault, not 'zzzz'$"),
        ({"kind": 7}, "kind: expected the name of a fault, such as 'reset', not int"),
        ({"times": 0}, "times: expected at least 1, not 0"),
        ({"times": 1.5}, "times: expected an int of at least 1, not float"),
        ({"times": True}, "times: expected an int"),
        ({"probability": 1.1}, "probability: expected a fraction of at least 0 and at most 1, not 1.1"),
        ({"probability": float("nan")}, "probability: expected a fraction of at least 0 and at most 1, not nan"),
        ({"probability": "half"}, "probability: expected a fraction of at least 0 and at most 1, not str"),
        ({"probability": True}, "probability: expected"),
        ({"match": 7}, "match: expected a method, a path .*, not int"),
        ({"match": ""}, "match: expected a method, a path .*, not ''"),
        ({"match": "sections/7"}, "match: .* not 'sections/7'"),
        ({"match": "get /sections"}, "match: .* not 'get /sections'"),
        ({"match": "GET/sections"}, "match: .* not 'GET/sections'"),
        ({"match": "/sections/{section_id"}, "match: .* not '/sections/{section_id'"),
        ({"match": "/sections?page=1"}, "match: .* not '/sections.page=1'"),
        ({"processed": 1}, "processed: expected True or False, not 1"),
        (
            {"kind": "id_mismatch", "processed": False},
            "processed: expected True or None for the fault 'id_mismatch', which spoils the real response, not False",
        ),
        (
            {"kind": "idle_close", "processed": True},
            "processed: expected False or None for the fault 'idle_close', which comes before the request is read",
        ),
        ({"kind": "stall", "second": 1}, "second: .* its options are seconds; did you mean 'seconds'"),
        ({"kind": "reset", "seconds": 1}, "seconds: expected an option of the fault 'reset', and it has no options"),
        ({"kind": "stall", "seconds": -1}, "seconds: expected a finite number of seconds at least 0"),
        ({"kind": "slow_body", "seconds": None}, "seconds: expected a number of seconds at least 0, not NoneType"),
        ({"kind": "close_in_body", "chunked": 1}, "chunked: expected True or False, not 1"),
        ({"kind": "status", "status": 200}, "status: expected a status from 400 to 599, not 200"),
        ({"kind": "status", "status": "500"}, "status: expected a status from 400 to 599, not '500'"),
        ({"kind": "gateway_page", "status": 500}, "status: expected 502 or 503 or 504, not 500"),
        ({"kind": "redirect", "status": 304}, "status: expected 301 or"),
        ({"kind": "redirect", "location": "a\r\nb"}, "location: expected a text of printable ASCII for a header"),
        ({"kind": "rate_limited", "retry_after": "soon"}, "retry_after: expected a number of seconds"),
        ({"kind": "nan", "value": "0"}, "value: expected 'NaN' or"),
        ({"kind": "null_field", "field": 1}, "field: expected the name of a top-level field, such as 'id', or None"),
        ({"kind": "deep_nesting", "depth": 0}, "depth: expected at least 1, not 0"),
    ],
)
def test_bad_input_is_one_clear_error(arguments, message) -> None:
    """It names the argument and what is expected of it, and nothing is added."""
    faults = Faults(0)
    with pytest.raises(ConfigurationError, match=message) as caught:
        faults.add(**{"kind": "status", **arguments})
    assert str(caught.value).split(":")[0] in arguments
    assert len(faults) == 0


def test_chaos_is_checked_too() -> None:
    """As an argument of the emulator it goes by its own name."""
    with pytest.raises(ConfigurationError, match="chaos: expected a fraction of at least 0 and at most 1, not 2"):
        Emulator(chaos=2)
    with pytest.raises(ConfigurationError, match="probability: expected a fraction .*, not -1"):
        Faults(0).chaos(-1)
    with pytest.raises(ConfigurationError, match="match: expected a method"):
        Faults(0).chaos(0, match="everything")


def _rows() -> list[str]:
    """The tables of the page as they should be, one row a kind."""
    lines = []
    for heading, kinds in GROUPS.items():
        lines += [f"### {heading}", "", "| kind | what the client meets | options | processed |", "|---|---|---|---|"]
        for kind in kinds:
            options = ", ".join(f"`{option.name}={option.default!r}`" for option in kind.options)
            processed = " or ".join("yes" if value else "no" for value in kind.processed)
            lines.append(f"| `{kind.name}` | {kind.about} | {options} | {processed} |")
        lines.append("")
    return lines


def test_the_page_lists_every_kind() -> None:
    """Its tables are what the registry says; the message has them ready to be pasted."""
    expected = "\n".join(_rows()).strip()
    page = PAGE.read_text(encoding="utf-8")
    assert expected in page, f"docs/how-to/inject-faults.md should hold:\n\n{expected}"
    assert f"can inject {len(KINDS)} kinds of faults" in page
