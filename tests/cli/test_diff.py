"""What `partoo diff` prints, and with which code it ends."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partoo_async import PartooClient
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result

Partoo = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "how-to" / "see-what-changed.md"

OLD = {"name": "G", "has_puller": False, "business_ids": ["a", "b"], "error": None}
FAILED = {"name": None, "has_puller": None, "business_ids": None, "error": "503 Service Unavailable"}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, *outcomes: dict[str, Any]) -> str:
    Path(path).write_text("".join(json.dumps(outcome) + "\n" for outcome in outcomes), encoding="utf-8")
    return path


def outcome(section_id: int, group_id: int | None, **changes: Any) -> dict[str, Any]:
    return {"section_id": section_id, "group_id": group_id} | OLD | changes


def rows(text: str) -> list[list[str]]:
    """The cells of a table, less its rule; columns are two spaces or more apart."""
    lines = [line.split("  ") for line in text.splitlines()]
    return [[cell.strip() for cell in line if cell.strip()] for index, line in enumerate(lines) if index != 1]


@pytest.fixture
def journaled() -> Callable[..., None]:
    """A function that scans section 7 with a journal, or begins to."""

    async def scan(emulator: Emulator, path: str, stop_early: bool) -> None:
        async with PartooClient(emulator.api_key, server=emulator.server) as client:
            async with client.scan(7, journal=path) as scan:
                async for _ in scan:
                    if stop_early:
                        break

    def run(emulator: Emulator, path: str, *, stop_early: bool = False) -> None:
        asyncio.run(scan(emulator, path, stop_early))

    return run


def test_two_scans_of_a_server(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """The lines of two `partoo scan --json` are compared: equal at first, then one row for each difference, and 1."""
    groups = {
        1: EmulatedGroup(1, "France", business_ids=["b1", "b2"]),
        2: EmulatedGroup(2, "Spain"),
        3: EmulatedGroup(3, "Italy"),
    }
    emulator = serve(sections=[EmulatedSection(7, "Country", groups)], rate_limit=None)
    Path("before").write_text(partoo("scan", 7, "--json").out, encoding="utf-8")
    assert partoo("diff", "before", "before") == Result(0, "", "partoo: 3 groups compared: nothing changed\n")
    changed = emulator.sections[7].groups
    changed[1] = EmulatedGroup(1, "La France", has_puller=True, business_ids=["b3", "b2", *"uvwxyz"])
    del changed[2]
    changed[4] = EmulatedGroup(4, "Malta", business_ids=["m"])
    Path("after").write_text(partoo("scan", 7, "--json").out, encoding="utf-8")
    result = partoo("diff", "before", "after")
    assert result.code == 1
    assert rows(result.out) == [
        ["section", "group", "name", "change", "details"],
        ["7", "1", "La France", "renamed", "was France"],
        ["7", "1", "La France", "puller", "yes, was no"],
        ["7", "1", "La France", "joined", "b3, u, v, w, x, and 2 more"],
        ["7", "1", "La France", "left", "b1"],
        ["7", "2", "Spain", "removed", "0 businesses"],
        ["7", "4", "Malta", "added", "1 business"],
    ]
    assert result.err == "partoo: 2 groups compared: 1 group added, 1 group removed, 1 group changed\n"


def test_members_have_names_where_a_journal_has_them(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """Beside their ids, from either journal; a file of lines has none."""
    shops = [EmulatedBusiness("b1", "Bar [red]"), EmulatedBusiness("b2", "Café")]
    groups = {1: EmulatedGroup(1, "France", business_ids=["b1"])}
    emulator = serve(sections=[EmulatedSection(7, "Country", groups)], businesses=shops, rate_limit=None)
    partoo("scan", 7, "--journal", "before", "--with-businesses")
    emulator.sections[7].groups[1] = EmulatedGroup(1, "France", business_ids=["b2"])
    partoo("scan", 7, "--journal", "after", "--with-businesses")
    assert rows(partoo("diff", "before", "after").out)[1:] == [
        ["7", "1", "France", "joined", 'b2 "Café"'],
        ["7", "1", "France", "left", 'b1 "Bar [red]"'],
    ]
    Path("lines").write_text(partoo("scan", 7, "--json").out, encoding="utf-8")
    emulator.sections[7].groups[1] = EmulatedGroup(1, "France", business_ids=["b1"])
    Path("later").write_text(partoo("scan", 7, "--json").out, encoding="utf-8")
    assert [row[4] for row in rows(partoo("diff", "lines", "later").out)[1:]] == ["b1", "b2"]


def test_sections_come_first(partoo: Partoo) -> None:
    """A section that came or went has a row before those of its groups, and is counted."""
    before, after = write("before", outcome(7, 1), outcome(8, 1)), write("after", outcome(8, 1), outcome(9, 0))
    result = partoo("diff", before, after)
    assert [row[:2] + row[-2:] for row in rows(result.out)[1:]] == [
        ["7", "-", "-", "section removed"],
        ["7", "1", "removed", "2 businesses"],
        ["9", "-", "-", "section added"],
        ["9", "0", "added", "2 businesses"],
    ]
    assert "2 sections added, removed or renamed" in result.err


def test_what_could_not_be_compared_is_no_success(partoo: Partoo) -> None:
    """Nothing found but not everything compared: 2, said on standard error; groups with one reason share a row."""
    before = write("before", *(outcome(7, number) for number in range(1, 5)), outcome(8, 1))
    failed = [outcome(7, number, **FAILED) for number in range(1, 4)]
    after = write("after", *failed, outcome(7, 4), outcome(8, None, **FAILED))
    result = partoo("diff", before, after)
    assert result.code == 2
    assert rows(result.out)[1:] == [
        ["7", "1", "not compared", "after: 503 Service Unavailable (and 2 more groups)"],
        ["8", "-", "not compared", "after: 503 Service Unavailable"],
    ]
    assert result.err == "partoo: 1 group compared: nothing changed; not everything could be compared\n"


def test_a_difference_counts_more_than_a_gap(partoo: Partoo) -> None:
    """When something changed the code is 1, whatever else could not be compared; the gap is said all the same."""
    before, after = write("before", outcome(7, 1), outcome(7, 2)), write("after", outcome(7, 1, **FAILED))
    result = partoo("diff", before, after)
    assert result.code == 1
    assert result.err.endswith("1 group removed; not everything could be compared\n")


def test_as_json_it_is_one_object(partoo: Partoo) -> None:
    """With --json one line is printed, equal or not, with the same code and summary."""
    before, after = write("before", outcome(7, 1)), write("after", outcome(7, 1, business_ids=["b", "c"]))
    result = partoo("diff", before, after, "--json")
    assert result.code == 1
    (line,) = result.out.splitlines()
    (change,) = json.loads(line)["groups_changed"]
    assert (change["joined"], change["left"]) == (["c"], ["a"])
    equal = partoo("diff", before, before, "--json")
    assert (equal.code, json.loads(equal.out)["same"]) == (0, True)
    assert equal.err == "partoo: 1 group compared: nothing changed\n"


def named(**changes: str | None) -> dict[str, Any]:
    """A line of a scan that knows its one business."""
    known = {"name": "Café Lille", "code": "007", "status": "open", "city": "Lille"} | changes
    return outcome(7, 1, business_ids=["b1"], **{f"business_{field}": [text] for field, text in known.items()})


def test_businesses_come_last(partoo: Partoo) -> None:
    """One row for each thing that changed of a business, after the groups; it counts as a change."""
    before = write("before", named(), outcome(9, 1))
    after = write("after", named(name="Café du Port", status="closed_temporarily", city="Lyon"))
    result = partoo("diff", before, after)
    assert result.code == 1
    assert rows(result.out)[1:] == [
        ["9", "-", "section removed"],
        ["9", "1", "G", "removed", "2 businesses"],
        ["-", "-", "Café du Port", "business renamed", "b1, was Café Lille"],
        ["-", "-", "Café du Port", "business temporarily closed", "b1, was open"],
        ["-", "-", "Café du Port", "business moved", "b1, from Lille to Lyon"],
    ]
    assert result.err.endswith("1 section added, removed or renamed, 1 business changed\n")
    same = partoo(
        "diff", write("now", named(status="temporarily_closed")), write("then", named(status="closed_temporarily"))
    )
    assert (same.code, same.out) == (0, "")


def test_businesses_as_json(partoo: Partoo) -> None:
    """With --json the object has what changed of each business, and the code is 1."""
    result = partoo("diff", write("before", named()), write("after", named(status="closed")), "--json")
    (change,) = json.loads(result.out)["businesses"]
    assert (result.code, change["business_id"], change["closed"], change["renamed"]) == (1, "b1", True, False)


def test_names_of_one_scan_only_are_noted(partoo: Partoo) -> None:
    """That businesses could not be compared is said on standard error, and is no difference."""
    result = partoo("diff", write("before", named()), write("after", outcome(7, 1, business_ids=["b1"])))
    assert result.code == 0
    assert result.err.startswith("partoo: note: only the earlier scan has names of businesses")


def test_names_of_businesses_cannot_steer_the_terminal(partoo: Partoo) -> None:
    """They are foreign text like names of groups."""
    before, after = write("before", named(name="\x1b[2J[red]", city="\u202e")), write("after", named(name="\x9b31m"))
    for options in ((), ("--json",)):
        result = partoo("diff", before, after, *options)
        assert result.code == 1
        assert not {"\x1b", "\x9b", "\u202e"} & set(result.out + result.err)


def test_journals_are_compared_with_their_notes(
    serve: Callable[..., Emulator], partoo: Partoo, journaled: Callable[..., None]
) -> None:
    """Journals show renamed sections; what makes the result less sure is noted on standard error."""
    one = serve(sections=[EmulatedSection(7, "Country", {1: EmulatedGroup(1, "France")})], rate_limit=None)
    journaled(one, "before.db")
    groups = {number: EmulatedGroup(number, "France" if number == 1 else f"G{number}") for number in range(1, 200)}
    other = serve(sections=[EmulatedSection(7, "Pays", groups)], rate_limit=None)
    journaled(other, "after.db", stop_early=True)
    result = partoo("diff", "before.db", "after.db")
    assert result.code == 1
    assert ["7", "-", "Pays", "section renamed", "was Country"] in rows(result.out)
    incomplete, servers, _ = result.err.splitlines()
    assert incomplete == "partoo: note: after.db is of a scan that did not come to its end"
    assert servers.startswith("partoo: note: these are scans of two servers, http://127.0.0.1:")


def test_names_cannot_steer_the_terminal(partoo: Partoo) -> None:
    """Names, ids and errors come from a file and are untrusted: no markup, and control characters spelled out."""
    hostile = "[red]x[/red] \x1b[2J\r\n\x9b31m\u202e"
    before = write("before", outcome(7, 1, name=hostile), outcome(7, 2))
    after = write(
        "after", outcome(7, 1, business_ids=["a", "b", hostile]), outcome(7, 2, **FAILED | {"error": hostile})
    )
    for options in ((), ("--json",)):
        result = partoo("diff", before, after, *options)
        assert result.code == 1
        assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(result.out + result.err)
    assert r"was [red]x[/red] \x1b[2J\r\n\x9b31m\u202e" in partoo("diff", before, after).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scan.ndjson", "missing"], "AFTER: cannot read missing"),
        (["empty", "scan.ndjson"], "empty, which is empty"),
        ([".", "scan.ndjson"], "BEFORE: cannot read .: Is a directory"),
        (["scan.ndjson", "cut"], "line 2 of cut, which is cut off"),
        (["foreign.db", "scan.ndjson"], "foreign.db is not a journal"),
        (["scan.ndjson"], "AFTER"),
    ],
)
def test_an_error_is_one_clear_line_and_2(partoo: Partoo, arguments: list[str], message: str) -> None:
    """Files that are none, or no scans, end it with 2 and one line that names the file; nothing is printed."""
    write("scan.ndjson", outcome(7, 1))
    write("empty")
    Path("cut").write_text(json.dumps(outcome(7, 1)) + '\n{"section_id": 7, "gr', encoding="utf-8")
    with sqlite3.connect("foreign.db") as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    result = partoo("diff", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("partoo: error: ")
    assert message in result.err.splitlines()[0]


def test_it_needs_no_key(partoo: Partoo) -> None:
    """Nothing is sent, so no key is asked for."""
    assert partoo("diff", write("a", outcome(7, 1)), write("b", outcome(7, 1))).code == 0


def test_the_script_of_the_page_tells_every_change_once(
    serve: Callable[..., Emulator], command: tuple[str, ...]
) -> None:
    """The script for cron: silent at first and without changes, tells of changes, keeps what it compares with."""
    (script,) = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    sections = [EmulatedSection(number, f"S{number}", {1: EmulatedGroup(1, f"G{number}")}) for number in (7, 9)]
    emulator = serve(sections=sections, rate_limit=None)

    def morning() -> tuple[int, str]:
        typed = f'partoo() {{ {shlex.join(command)} "$@"; }}\n{script}'
        done = subprocess.run(["sh", "-c", typed], stdout=subprocess.PIPE, encoding="utf-8", timeout=120, check=False)
        return done.returncode, done.stdout

    assert morning() == (0, "")
    emulator.sections[7].groups[1].name = "Other"
    code, told = morning()
    assert (code, "was G7" in told) == (0, True)
    assert morning() == (0, "")
    del emulator.sections[9]
    kept = Path("before.ndjson").read_text(encoding="utf-8")
    code, told = morning()
    assert "404 Not Found" in told
    assert Path("before.ndjson").read_text(encoding="utf-8") == kept
    del emulator.sections[7]
    code, told = morning()
    assert (code, "not compared" in told) == (3, False)
