"""What each command prints and with which code it ends."""

from __future__ import annotations

import json
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from partoo_async import Business
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result

Partoo = Callable[..., Result]
FIELDS = ["section_id", "group_id", "name", "has_puller", "business_ids", "error"]
OFFICIAL = ["a1f0e2d3b4c5e6f7a8b9c0d1", "3f2e1d4c5b6a7f8e9d0c1a2", "0e1d2c3b4a5f6e7d8c9a0b1"]
UNREACHABLE = "http://127.0.0.1:1"


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("emulator")
def test_group_prints_what_it_is_and_its_businesses(partoo: Partoo) -> None:
    """`partoo group` prints one group on standard output, and nothing else anywhere."""
    result = partoo("group", 1, 1)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "section     1",
        "group       1",
        "name        France",
        "puller      no",
        "businesses  3",
        *(f"  {business}" for business in OFFICIAL),
    ]


@pytest.mark.usefixtures("emulator")
def test_group_as_json_is_the_object_of_a_scan(partoo: Partoo) -> None:
    """`partoo group --json` prints one line with the same fields that a scan has."""
    result = partoo("group", 1, 1, "--json")
    (found,) = objects(result.out)
    assert list(found) == FIELDS
    assert found["business_ids"] == OFFICIAL
    assert found["error"] is None


@pytest.mark.usefixtures("emulator")
def test_the_word_get_may_be_left_out(partoo: Partoo) -> None:
    """`partoo group get 1 1` is `partoo group 1 1`, whether options come first or last."""
    expected = partoo("group", "get", 1, 1, "--json")
    assert (expected.code, expected.err) == (0, "")
    assert partoo("group", 1, 1, "--json") == partoo("group", "--json", 1, 1) == expected


def test_businesses_are_added_and_removed(emulator: Emulator, partoo: Partoo) -> None:
    """`partoo group add` and `remove` change single businesses, and print the group as it is then."""
    number, group = next(iter(emulator.sections[5].groups.items()))
    first, *rest = group.business_ids
    removed = partoo("group", "remove", 5, number, first, first)
    assert (removed.code, removed.err) == (0, "")
    assert removed.out.splitlines()[4:] == [f"businesses  {len(rest)}", *(f"  {business}" for business in rest)]
    (added,) = objects(partoo("group", "add", 5, number, rest[0], first, "--json").out)
    assert added["business_ids"] == [*rest, first] == group.business_ids


@pytest.mark.usefixtures("emulator")
def test_sections_are_listed(partoo: Partoo) -> None:
    """`partoo sections` lists every section with its number of groups, unfolded and unstyled in a pipe."""
    result = partoo("sections")
    assert (result.code, result.err) == (0, "")
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["section", "name", "groups", "editable", "puller"]
    assert ["3", "Region", "13", "no", "no"] in rows
    assert ["12", "Feed", "4", "yes", "yes"] in rows


def test_sections_of_every_page_are_listed(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """More sections than a page holds are all listed, one JSON object a line."""
    serve(sections=[EmulatedSection(number, f"Section {number}") for number in range(1, 76)])
    result = partoo("sections", "--json")
    assert [section["section_id"] for section in objects(result.out)] == list(range(1, 76))


@pytest.mark.usefixtures("emulator")
def test_sections_are_asked_for_by_organization_and_group_name(partoo: Partoo) -> None:
    """`--org-id` is accepted, and `--name` narrows the list to sections with such a group."""
    result = partoo("sections", "--org-id", 5, "--name", "Réunion", "--json")
    assert [section["name"] for section in objects(result.out)] == ["Franchise"]


@pytest.mark.usefixtures("emulator")
def test_no_section_is_said(partoo: Partoo) -> None:
    """A list without a section is no empty table, but a line that says so; no JSON line is an answer."""
    assert partoo("sections", "--name", "no such group") == Result(0, "", "partoo: there is no such section\n")
    assert partoo("sections", "--name", "no such group", "--json") == Result(0, "", "")


SHOPS = [
    EmulatedBusiness("a1", "Le Café", code="75/1", city="Paris", zipcode="75001", country="FR", address="1 rue d'Été"),
    EmulatedBusiness("b2", "Bar [red]", code="66", city="Perpignan", country="FR", status="closed"),
    EmulatedBusiness("c3", "Café Sol", city="Madrid", country="ES", status="temporarily_closed"),
    EmulatedBusiness("d4"),
]


def shops(serve: Callable[..., Emulator], **options: Any) -> Emulator:
    """Four businesses, of which two are in group 1 and one is in group 2."""
    groups = {1: EmulatedGroup(1, "A", business_ids=["a1", "b2"]), 2: EmulatedGroup(2, "B", business_ids=["c3"])}
    data: dict[str, Any] = {"sections": [EmulatedSection(7, "Country", groups)], "businesses": SHOPS}
    return serve(**{**data, "rate_limit": None, **options})


@pytest.mark.parametrize("words", [["a1"], ["--code", "75/1"]])
def test_business_prints_what_it_is(serve: Callable[..., Emulator], partoo: Partoo, words: list[str]) -> None:
    """`partoo business` takes an id or a store code, and prints one business; with `--json` all of it on one line."""
    shops(serve)
    result = partoo("business", *words)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "business  a1",
        "code      75/1",
        "name      Le Café",
        "status    open",
        "address   1 rue d'Été, 75001 Paris, FR",
        "groups    1",
    ]
    (found,) = objects(partoo("business", *words, "--json").out)
    assert list(found) == [field.name for field in attrs.fields(Business)]
    assert (found["id"], found["groups"], found["lat"], found["extra"]["open_hours"]) == ("a1", [1], None, {})


def test_a_business_without_fields(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """What is not known of it is left empty."""
    shops(serve)
    lines = partoo("business", "d4").out.splitlines()
    assert lines == ["business  d4", "code", "name", "status    open", "address", "groups"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["business", "--search", "café"], ["a1", "c3"]),
        (["businesses"], ["a1", "b2", "c3", "d4"]),
        (["businesses", "--group", "1"], ["a1", "b2"]),
        (["businesses", "--group", "1", "--group", "2"], ["a1", "b2", "c3"]),
        (["businesses", "--status", "closed", "--status", "temporarily_closed"], ["b2", "c3"]),
        (["businesses", "--city", "paris", "--country", "FR"], ["a1"]),
    ],
)
def test_businesses_are_listed(
    serve: Callable[..., Emulator], partoo: Partoo, words: list[str], expected: list[str]
) -> None:
    """Businesses of every status, as a table or one JSON object a line; names are text, not markup."""
    shops(serve)
    result = partoo(*words)
    assert (result.code, result.err) == (0, "")
    head, _, *rows = result.out.splitlines()
    assert head.split() == ["business", "code", "name", "city", "status"]
    assert [row.split()[0] for row in rows] == expected
    assert "Bar [red]" in result.out or "b2" not in expected
    assert [shop["id"] for shop in objects(partoo(*words, "--json").out)] == expected


def test_no_business_is_said(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """A search that finds nothing is a line that says so, and no JSON line."""
    shops(serve)
    assert partoo("business", "--search", "none") == Result(0, "", "partoo: there is no such business\n")
    assert partoo("businesses", "--city", "none", "--json") == Result(0, "", "")


@pytest.mark.usefixtures("emulator")
def test_scan_prints_plan_table_and_summary(partoo: Partoo) -> None:
    """A scan prints its plan and summary on standard error and a table, ordered by ids, on standard output."""
    result = partoo("scan", 7, 9)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["section", "group", "name", "puller", "businesses"]
    assert [line.split()[1] for line in lines[2:]] == [str(number) for number in [*range(40, 64), *range(100, 130)]]
    plan, summary = result.err.splitlines()
    assert plan.startswith("54 groups, 56 requests, ")
    assert summary.startswith("54 groups, 480 businesses, 0 failures, 56 requests, ")
    assert summary.endswith(" s, 0 retries")


@pytest.mark.usefixtures("emulator")
def test_scan_as_json_has_one_object_a_line(partoo: Partoo) -> None:
    """With --json each outcome is a line, failures too, all with the same fields."""
    result = partoo("scan", 1, 999, "--json")
    assert result.code == 1
    by_section = {found["section_id"]: found for found in objects(result.out)}
    assert all(list(found) == FIELDS for found in by_section.values())
    assert by_section[1]["business_ids"] == OFFICIAL
    assert by_section[999] == {
        "section_id": 999,
        "group_id": None,
        "name": None,
        "has_puller": None,
        "business_ids": None,
        "error": "404 Not Found for GET /sections/999: Resource not found",
    }


def test_scan_of_single_groups_reads_no_section(emulator: Emulator, partoo: Partoo) -> None:
    """`--group`, repeated, scans just those groups of one section."""
    result = partoo("scan", 7, "--group", 41, "--group", 42, "--json")
    assert result.code == 0
    assert {found["group_id"] for found in objects(result.out)} == {41, 42}
    assert {seen.path.removeprefix("/v2") for seen in emulator.requests} == {
        "/sections/7/groups/41",
        "/sections/7/groups/42",
    }


@pytest.mark.usefixtures("emulator")
def test_scan_with_failed_groups_ends_with_1(partoo: Partoo) -> None:
    """A scan with some failures shows them in the table and ends with 1."""
    result = partoo("scan", 7, "--group", 42, "--group", 4444)
    assert result.code == 1
    assert "404 Not Found for GET /sections/7/groups/4444" in result.out
    assert "1 group, 147 businesses, 1 failure, 2 requests" in result.err


@pytest.mark.usefixtures("emulator")
def test_scan_that_had_nothing_ends_with_the_code_of_the_reason(
    partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key fails every section alike: the scan ends with 3 and one line, as a single call would."""
    monkeypatch.setenv("PARTOO_API_KEY", "some-other-key")
    for words in (["scan", 7, 9], ["scan", "--all"], ["scan", 7, "--group", 42], ["scan", 7, 9, "--json"]):
        result = partoo(*words)
        assert (result.code, result.out) == (3, "")
        *plan, line = result.err.splitlines()
        assert "401 Unauthorized for GET /sections" in line
        assert len(plan) == (words[2:3] == ["--group"])  # whose plan is known before
        assert "some-other-key" not in result.err


@pytest.mark.usefixtures("emulator")
def test_scan_stops_after_too_many_failures_and_shows_what_it_had(partoo: Partoo) -> None:
    """The failure after --max-failures ends the scan with 1, a clear line, and the results until then."""
    groups = [word for number in [42, *range(5000, 5020)] for word in ("--group", number)]
    result = partoo("scan", 7, *groups, "--max-failures", 0, "--max-concurrency", 1)
    assert result.code == 1
    assert "France" in result.out
    assert "5000" in result.out
    assert "5019" not in result.out
    assert "partoo: error: the scan ended early" in result.err.splitlines()[-1]


@pytest.mark.parametrize(("sections", "wanted", "latency"), [((5,), 3, 0.1), ((7, 9), 40, 0.3)])
def test_scan_has_as_many_requests_in_flight_as_it_was_told(
    serve: Callable[..., Emulator],
    partoo: Partoo,
    monkeypatch: pytest.MonkeyPatch,
    sections: tuple[int, ...],
    wanted: int,
    latency: float,
) -> None:
    """`--max-concurrency` bounds the scan, and is reached, above the default of the client too."""
    opened: list[object] = []
    connect = BaseSelectorEventLoop.sock_connect

    async def counted(loop: BaseSelectorEventLoop, sock: socket.socket, address: object) -> None:
        opened.append(address)
        await connect(loop, sock, address)

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", counted)
    serve(rate_limit=None, latency=latency)
    assert partoo("scan", *sections, "--max-concurrency", wanted).code == 0
    # Each request in flight has a connection, which the next one uses again.
    assert len(opened) == wanted


@pytest.mark.usefixtures("emulator")
def test_plain_progress_is_lines(partoo: Partoo) -> None:
    """`--progress plain` and `none` give the same result; a short scan has no time for a line."""
    for mode in ("plain", "none"):
        result = partoo("scan", 1, "--progress", mode)
        assert result.code == 0
        assert len(result.err.splitlines()) == 2


def test_names_cannot_steer_the_terminal(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """Names are untrusted: rich markup is shown as it is, control characters are spelled out."""
    hostile = "[red]x[/red] :smile: \x1b[2J\r\n\x9b31m\u202e [/nope]"
    serve(sections=[EmulatedSection(1, hostile, {1: EmulatedGroup(1, hostile, business_ids=["\x1b[31mid"])})])
    table, group, sections = partoo("scan", 1), partoo("group", 1, 1), partoo("sections")
    for result in (table, group, sections):
        assert result.code == 0
        assert r"[red]x[/red] :smile: \x1b[2J\r\n\x9b31m\u202e [/nope]" in result.out
        assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(result.out)
    as_json = partoo("scan", 1, "--json").out
    assert as_json.isprintable() or as_json.rstrip("\n").isprintable()
    assert objects(as_json)[0]["name"] == hostile


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["group", 7, 99999], 3, "404 Not Found for GET /sections/7/groups/99999"),
        (["group", "--", 7, -1], 2, "GROUP_ID: expected an id"),
        (["business", "none"], 3, "404 Not Found for GET /business/none"),
        (["business"], 2, "expected one of ID, --code and --search"),
        (["business", "a", "--code", "b"], 2, "expected one of ID, --code and --search"),
        (["business", "--code", ".."], 2, "--code: '.' and '..' would be another path"),
        (["business", ""], 2, "ID: expected a non-empty string"),
        (["businesses", "--group", 99999], 3, "groups: Unknown group id: 99999"),
        (["businesses", "--group", -1], 2, "--group: expected an id"),
        (["businesses", "--status", "shut"], 3, "status: Must be one of"),
        (["group", 7, 2**63], 2, "GROUP_ID: expected an id"),
        (["group", 7, "seven"], 2, "GROUP_ID"),
        (["group", 7], 2, "GROUP_ID"),
        (["group", 7, 42, "--server", "http://example.org"], 2, "plain http"),
        (["group", 7, 42, "--server", "moon"], 2, "unknown server"),
        (["group", 7, 42, "--timeout", 0], 2, "--timeout: "),
        (["group", 7, 42, "--api-key", "k"], 2, "--api-key"),
        (["group", 7, 42, "--server", UNREACHABLE, "--timeout", 0.2], 4, "connect"),
        (["group", "add", 7, 42], 2, "BUSINESS_ID"),
        (["group", "add", 7, 41, "b"], 3, "not sent, since an automated feed fills the group"),
        (["group", "remove", 7, 99999, "b"], 3, "404 Not Found"),
        (["scan", 7, 9, "--group", 1], 2, "--group"),
        (["scan", 7, "--max-failures", -1], 2, "--max-failures"),
        (["scan", 7, "--strategy", "auto"], 2, "--strategy: needs --all"),
        (["scan", "--all", "--verify", 3], 2, "--verify: needs --strategy"),
        (["scan", "--all", "--strategy", "auto", "--verify", 0], 2, "--verify: expected a count"),
        (["scan", "--all", "--strategy", "auto", "--verify", "some"], 2, "--verify: expected a count"),
        (["scan", "--all", "--strategy", "never"], 2, "--strategy"),
        (["scan", 7, "--progress", "loud"], 2, "loud"),
        (["sections", "--org-id", -5], 2, "--org-id: "),
        (["emulator", "--rate-limit", "fast"], 2, "--rate-limit"),
        (["emulator", "--rate-limit", "5/0"], 2, "--rate-limit"),
        (["emulator", "--host", "203.0.113.1", "--port", 0], 2, "cannot listen"),
        (["nonsense"], 2, "nonsense"),
    ],
)
@pytest.mark.usefixtures("emulator")
def test_an_error_is_one_clear_line_and_a_code(
    partoo: Partoo, arguments: list[object], code: int, message: str
) -> None:
    """Every error: nothing on standard output, one line that names the cause, the documented code, no traceback."""
    result = partoo(*arguments)
    assert result.code == code
    assert result.out == ""
    first, *rest = result.err.splitlines()
    assert first.startswith("partoo: error: ")
    assert message in first
    assert rest in ([], [rest[0]] if rest and rest[0].startswith("partoo: try 'partoo") else [])


def test_without_a_key_it_says_where_the_key_comes_from(partoo: Partoo) -> None:
    """Without PARTOO_API_KEY nothing is sent, and the line names the variable."""
    result = partoo("group", 7, 42, "--server", UNREACHABLE)
    assert result.code == 2
    assert "PARTOO_API_KEY" in result.err


def test_scan_ends_when_the_server_is_gone_for_too_long(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """--max-outage bounds it; the reason is said in one line, and the code is that of no answer in time."""
    serve(rate_limit=None).faults.add("status", status=503)
    result = partoo("scan", "7", "9", "5", "--max-outage", "0.1")
    assert result.code == 4
    assert (
        "error: the scan ended early: the server did not respond for 0.1 s; the last failure: 503 Service" in result.err
    )
