"""Groups and sections are created, changed and deleted: preview, question, write, and how to undo it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError
from partoo_async.cli import change
from partoo_async.cli.business_ids import chosen_ids
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.models import Group, GroupSummary, Section
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]
SHOPS = [EmulatedBusiness("a1", "Le Café"), EmulatedBusiness("b2", "Bar"), EmulatedBusiness("c3", "\x1b[2JÎle")]


@pytest.fixture
def emulator(serve: Callable[..., Emulator]) -> Emulator:
    """Section 7 with group 1 (a1, b2) and a fed group 2; section 8 is locked for the key, section 9 fed."""
    groups = {
        1: EmulatedGroup(1, "France", business_ids=["a1", "b2"]),
        2: EmulatedGroup(2, "Feed", has_puller=True, business_ids=["c3"]),
    }
    sections = [
        EmulatedSection(7, "Country", groups),
        EmulatedSection(8, "Locked", {3: EmulatedGroup(3, "Kept")}, can_edit=False),
        EmulatedSection(9, "Fed", has_puller=True),
        EmulatedSection(10, "Empty"),
    ]
    return serve(sections=sections, businesses=SHOPS, rate_limit=None)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that types a line on a terminal, which standard input is."""
    master, slave = os.openpty()
    with open(slave, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
        yield lambda text: void(os.write(master, text.encode()))
    os.close(master)


def void(_: object) -> None:
    """Nothing."""


def writes(emulator: Emulator) -> list[str]:
    return [f"{seen.method} {seen.path.removeprefix('/v2')}" for seen in emulator.requests if seen.method != "GET"]


def test_a_group_is_renamed_and_gets_other_businesses(emulator: Emulator, partoo: Partoo) -> None:
    """The preview has before and after, with names beside ids; then come the result and the way back."""
    words = ("group", "update", 7, 1, "--name", "Île", "--business", "b2", "--business", "c3", "--yes")
    result = partoo(*words)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        "update group 1 'France' in section 7 'Country'",
        "  name        France -> Île",
        "  businesses  2 -> 2",
        "    + c3  \\x1b[2JÎle",
        "    - a1  Le Café",
        "partoo: done",
        "  undo: partoo group update 7 1 --name France",
        "  undo: partoo group remove 7 1 c3",
        "  undo: partoo group add 7 1 a1",
    ]
    group = emulator.sections[7].groups[1]
    assert (group.name, group.business_ids) == ("Île", ["b2", "c3"])
    assert writes(emulator) == ["POST /sections/7/groups/1"]
    for line in result.err.splitlines()[6:]:
        assert partoo(*shlex.split(line)[2:], *(["--yes"] if "update" in line else [])).code == 0
    assert (group.name, sorted(group.business_ids)) == ("France", ["a1", "b2"])


def test_a_new_name_leaves_the_businesses(emulator: Emulator, partoo: Partoo) -> None:
    """They are read, and sent again: left out, the API might put in every business."""
    assert partoo("group", "update", 7, 1, "--name", "F", "--yes").code == 0
    assert emulator.sections[7].groups[1].business_ids == ["a1", "b2"]


def test_other_businesses_leave_the_name(emulator: Emulator, partoo: Partoo) -> None:
    """Even one that the documentation allows nobody goes back as it came."""
    emulator.sections[7].groups[1].name = "A"
    assert partoo("group", "update", 7, 1, "--business", "c3", "--yes").code == 0
    assert (emulator.sections[7].groups[1].name, emulator.sections[7].groups[1].business_ids) == ("A", ["c3"])


@pytest.mark.parametrize("words", [["--name", "France"], ["--business", "b2", "--business", "a1"]])
def test_nothing_to_change_is_not_written(emulator: Emulator, partoo: Partoo, words: list[str]) -> None:
    """No write, no question, code 0. The order of businesses has no meaning."""
    result = partoo("group", "update", 7, 1, *words)
    assert (result.code, result.err.splitlines()[-1]) == (0, "partoo: there is nothing to change")
    assert writes(emulator) == []


def test_a_group_is_created(emulator: Emulator, partoo: Partoo) -> None:
    """Its id is all of standard output, for scripts; an id that is no business shows in the preview."""
    result = partoo("group", "create", 7, "--name", "New", "a1", "b2", "a1", "--yes")
    number = int(result.out)
    assert (result.code, emulator.sections[7].groups[number].business_ids) == (0, ["a1", "b2"])
    assert result.err.splitlines() == [
        "create group 'New' in section 7 'Country'",
        "  businesses  2",
        "    + a1  Le Café",
        "    + b2  Bar",
        f"partoo: done: its id is {number}",
        f"  undo: partoo group delete 7 {number}",
    ]
    strange = partoo("group", "create", 7, "--name", "X", "a1", "zz", "--dry-run")
    assert "    + zz  (not found)" in strange.out.splitlines()


def test_a_group_without_businesses_has_to_be_meant(emulator: Emulator, partoo: Partoo) -> None:
    """The API would fill it with every business if none were sent: an empty list is always sent, and asked for."""
    refused = partoo("group", "create", 7, "--name", "New", "--yes")
    assert refused.code == 2
    assert "--empty" in refused.err
    result = partoo("group", "create", 7, "--name", "New", "--empty", "--yes")
    assert emulator.sections[7].groups[int(result.out)].business_ids == []
    emptied = partoo("group", "update", 7, 1, "--empty", "--yes")
    assert (emptied.code, emulator.sections[7].groups[1].business_ids) == (0, [])


def test_a_group_is_deleted_and_made_again(emulator: Emulator, partoo: Partoo) -> None:
    """What is printed makes it again, under another id."""
    result = partoo("group", "delete", 7, 1, "--yes")
    assert (result.code, result.out) == (0, "")
    assert 1 not in emulator.sections[7].groups
    undo = result.err.splitlines()[-1]
    assert undo == "  undo: partoo group create 7 a1 b2 --name France  # it gets another id"
    again = partoo(*shlex.split(undo, comments=True)[2:], "--yes")
    assert emulator.sections[7].groups[int(again.out)].business_ids == ["a1", "b2"]


def test_the_result_as_json(emulator: Emulator, partoo: Partoo) -> None:
    """One object: where, before, after, whether it was done, and how to undo it."""
    found = json.loads(partoo("group", "create", 7, "--name", "New", "a1", "--yes", "--json").out)
    number = next(one.id for one in emulator.sections[7].groups.values() if one.name == "New")
    assert found == {
        "action": "create group",
        "section_id": 7,
        "group_id": number,
        "before": None,
        "after": {"name": "New", "business_ids": ["a1"]},
        "done": True,
        "undo": [f"partoo group delete 7 {number}"],
    }
    planned = json.loads(partoo("section", "update", 7, "--name", "Land", "--dry-run", "--json").out)
    assert (planned["done"], planned["before"], planned["after"]) == (False, {"name": "Country"}, {"name": "Land"})


def test_sections_are_created_renamed_and_deleted(emulator: Emulator, partoo: Partoo) -> None:
    """As groups are."""
    created = partoo("section", "create", "--name", "New", "--yes")
    number = int(created.out)
    assert emulator.sections[number].name == "New"
    assert created.err.splitlines()[-1] == f"  undo: partoo section delete {number}"
    renamed = partoo("section", "update", number, "--name", "Newer", "--yes")
    assert emulator.sections[number].name == "Newer"
    assert renamed.err.splitlines() == [
        f"rename section {number} 'New'",
        "  name        New -> Newer",
        "partoo: done",
        f"  undo: partoo section update {number} --name New",
    ]
    deleted = partoo("section", "delete", number, "--yes")
    assert number not in emulator.sections
    assert deleted.err.splitlines()[-1] == "  undo: partoo section create --name Newer  # it gets another id"


@pytest.mark.usefixtures("emulator")
def test_a_section_with_groups_is_deleted_with_a_warning(partoo: Partoo) -> None:
    """What becomes of them is not documented, and nothing brings them back."""
    lines = partoo("section", "delete", 7, "--dry-run").out.splitlines()
    assert lines[:4] == ["delete section 7 'Country'", "  groups      2", "    - 1  France", "    - 2  Feed"]
    assert lines[4].startswith("  beware ")
    assert lines[5] == "  keep first  partoo scan 7 --json > section-7.jsonl"


@pytest.mark.parametrize(
    "words",
    [
        ("group", "update", 7, 1, "--name", "F"),
        ("group", "create", 7, "--name", "N", "a1"),
        ("group", "delete", 7, 1),
        ("section", "create", "--name", "N"),
        ("section", "update", 7, "--name", "N"),
        ("section", "delete", 10),
    ],
)
def test_nothing_is_written_without_a_yes(
    emulator: Emulator, partoo: Partoo, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run prints the preview on standard output; without a terminal to ask on, `--yes` is needed."""
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115 - closed below
    dry = partoo(*words, "--dry-run")
    assert (dry.code, dry.err) == (0, "partoo: nothing was changed: a dry run\n")
    refused = partoo(*words)
    sys.stdin.close()
    assert (refused.code, refused.out) == (2, "")
    *preview, error = refused.err.splitlines()
    assert preview == dry.out.splitlines()
    assert error.startswith("partoo: error: --yes: needed where there is no terminal")
    assert writes(emulator) == []


@pytest.mark.parametrize(
    ("typed", "done"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("j\n", False)]
)
def test_a_terminal_is_asked(
    emulator: Emulator, partoo: Partoo, terminal: Callable[[str], None], typed: str, done: bool
) -> None:
    """Only a yes is one; else nothing is written, and the code is that of an interruption."""
    terminal(typed)
    result = partoo("group", "update", 7, 1, "--name", "F")
    assert "partoo: do it? [y/N] " in result.err
    assert (result.code, "partoo: nothing was changed" not in result.err) == ((0, True) if done else (130, False))
    assert (emulator.sections[7].groups[1].name == "F") is done


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to be had")
def test_an_interrupt_at_the_question_has_a_line_of_its_own(emulator: Emulator, spawn: Any) -> None:
    """It does not stand behind the question, and nothing was sent."""
    own, slave = os.openpty()
    process = spawn("group", "update", 7, 1, "--name", "Other", stdin=slave, stderr=slave)
    os.close(slave)

    def read(end: str) -> str:
        seen = ""
        while not seen.endswith(end):
            seen += os.read(own, 1000).decode()
        return seen

    read("do it? [y/N] ")
    process.send_signal(signal.SIGINT)
    assert read("interrupted\r\n") == "\r\npartoo: interrupted\r\n"
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert writes(emulator) == []
    os.close(own)


def test_what_was_changed_during_the_question_is_not_overwritten(
    emulator: Emulator, partoo: Partoo, terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preview is what was agreed to: if that is no longer so, nothing is written."""
    from partoo_async.cli import confirm

    asked = confirm._typed

    async def slowly() -> str:
        emulator.sections[7].groups[1].business_ids.append("c3")
        return await asked()

    monkeypatch.setattr(confirm, "_typed", slowly)
    terminal("y\n")
    result = partoo("group", "delete", 7, 1)
    assert result.code == 130
    assert "somebody else has changed it meanwhile" in result.err
    assert writes(emulator) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("group", "update", 7, 2, "--name", "F"), "an automated feed fills the group (has_puller)"),
        (("group", "delete", 7, 2), "an automated feed fills the group (has_puller)"),
        (("group", "update", 8, 3, "--name", "F"), "this key may not change the section (can_edit)"),
        (("group", "create", 8, "--name", "F", "a1"), "this key may not change the section (can_edit)"),
        (("section", "update", 9, "--name", "F"), "an automated feed fills the section (has_puller)"),
        (("section", "delete", 8), "this key may not change the section (can_edit)"),
    ],
)
def test_what_is_locked_is_refused_before_the_question(
    emulator: Emulator, partoo: Partoo, words: tuple[object, ...], reason: str
) -> None:
    """With the code of a refusal, and without a write."""
    result = partoo(*words, "--yes")
    assert result.code == 3
    assert f"not sent, since {reason}" in result.err
    assert writes(emulator) == []


def test_a_write_that_another_one_undid_is_an_error(
    emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group is read again after the write."""
    store = type(emulator._store)
    monkeypatch.setattr(store, "update_group", lambda *_: None)
    result = partoo("group", "update", 7, 1, "--business", "c3", "--yes")
    assert result.code == 3
    assert "was accepted, but the group has 2 businesses and not 1" in result.err


@pytest.mark.parametrize("words", [("group", "update", 7, 1), ("group", "create", 7), ("section", "create")])
def test_a_name_that_the_api_refuses_is_refused_at_once(
    emulator: Emulator, partoo: Partoo, words: tuple[object, ...]
) -> None:
    """Before anything is read."""
    result = partoo(*words, "--name", "a/b", "--yes")
    assert (result.code, result.err.startswith("partoo: error: --name: ")) == (2, True)
    assert emulator.requests == ()


def test_names_that_may_not_be_read_are_left_out(emulator: Emulator, partoo: Partoo) -> None:
    """A key may write groups and see no business: the preview has ids alone."""
    emulator.faults.add("status", match="GET /business/search", status=403)
    lines = partoo("group", "create", 7, "--name", "New", "a1", "--dry-run").out.splitlines()
    assert lines[-1] == "    + a1"


def section(*groups: GroupSummary) -> Section:
    return Section(7, "Country", groups, can_edit=True, has_puller=False)


def test_long_lists_are_cut_and_kept_first() -> None:
    """Twenty are shown; the way back is a file that has to be made before."""
    ids = tuple(f"i{number}" for number in range(500))
    preview = change.update_group(section(), Group(1, "F", False, ids), None, [], {}, "sandbox")
    lines = preview.lines()
    assert len(lines) == 1 + 1 + 20 + 1 + 1
    assert lines[-2:] == ["    - and 480 more", "  keep first  partoo group 7 1 --json --server sandbox > group-1.json"]
    assert preview.undo == ()


def test_the_way_back_goes_to_the_same_server() -> None:
    """Ids of the sandbox are others than those of production."""
    preview = change.rename_section(section(), "Land", "sandbox")
    assert preview.undo == ("partoo section update 7 --name Country --server sandbox",)


@each(
    ("text", "ids"),
    [
        ("a1\nb2\n\na1\n", ["a1", "b2"]),
        ("\ufeffa1 b2\r\n", ["a1", "b2"]),
        ('["a1", "b2"]', ["a1", "b2"]),
        ('{"group_id": 1, "business_ids": ["a1"], "error": null}\n', ["a1"]),
    ],
)
def test_ids_from_a_file(text: str, ids: list[str], tmp_path: Path) -> None:
    """One a line, or what `partoo group --json` prints, which so is a backup."""
    file = tmp_path / "ids"
    file.write_text(text, encoding="utf-8")
    assert chosen_ids(None, str(file), empty=False) == ids


@each("text", ["", "\n", "[]", '{"business_ids": null}', "{", "[1]", '{"a": 1}\n{"b": 2}'])
def test_a_file_without_ids_is_a_mistake(text: str, tmp_path: Path) -> None:
    """It would empty the group."""
    (tmp_path / "ids").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="^--businesses-from: "):
        chosen_ids(None, str(tmp_path / "ids"), empty=False)


@each(
    ("arguments", "ids"),
    [((None, None, False), None), (([], None, True), []), ((["a", "b", "a"], None, False), ["a", "b"])],
)
def test_ids_are_chosen(arguments: tuple[Any, ...], ids: list[str] | None) -> None:
    """Nothing said is not the same as none."""
    words, source, empty = arguments
    assert chosen_ids(words, source, empty=empty) == ids


def test_no_ids_and_some_contradict() -> None:
    """`--empty` with an id is a mistake; so is a file that is not there."""
    with pytest.raises(ConfigurationError, match="--empty: leave it out"):
        chosen_ids(["a"], None, empty=True)
    with pytest.raises(ConfigurationError, match="--businesses-from: cannot read /nowhere: No such file"):
        chosen_ids(None, "/nowhere", empty=False)


@pytest.mark.usefixtures("emulator")
def test_section_prints_what_it_is_and_its_groups(partoo: Partoo) -> None:
    """`partoo section` is to a section what `partoo group` is to a group."""
    result = partoo("section", 7)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "section     7",
        "name        Country",
        "editable    yes",
        "puller      no",
        "groups      2",
        "  1  France",
        "  2  Feed",
    ]
    (found,) = map(json.loads, partoo("section", "get", 7, "--json").out.splitlines())
    assert found == next(json.loads(line) for line in partoo("sections", "--json").out.splitlines())


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("group", 7, "France"), "partoo groups France"),
        (("group", "France"), "partoo groups France"),
        (("section", "x"), "partoo sections"),
    ],
)
def test_a_name_in_place_of_an_id_gets_a_hint(partoo: Partoo, words: tuple[object, ...], hint: str) -> None:
    """Which command finds ids by names."""
    result = partoo(*words)
    assert result.code == 2
    assert hint in result.err.splitlines()[0]


@pytest.mark.parametrize("more", [["--json"], [], ["--quiet"]])
def test_the_id_of_what_was_made_is_not_lost(
    emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    """If it cannot be printed as a result, it is in a message: else the group would be created once more."""

    async def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("partoo_async.cli.confirm.write_text", fail)
    monkeypatch.setattr("partoo_async.cli.confirm.print_json", fail)
    result = partoo("group", "create", 7, "--name", "New", "--empty", "--yes", *more)
    assert writes(emulator) == ["POST /sections/7/groups"]
    (made,) = emulator.sections[7].groups.keys() - {1, 2}
    assert result.err.splitlines()[-2:] == [
        f"partoo: done: its id is {made}",
        "partoo: error: cannot write the result: No space left on device",
    ]


def test_without_a_place_for_its_id_nothing_is_made(emulator: Emulator, spawn: Any) -> None:
    """A closed standard output is an error before the write, and none for a change that prints nothing."""
    words = ("group", "create", 7, "--name", "New", "--empty", "--yes")
    closed = {"stdout": None, "afresh": True, "preexec_fn": lambda: os.close(1)}
    creating, updating = spawn(*words, **closed), spawn("group", "update", 7, 1, "--name", "New", "--yes", **closed)
    assert (creating.wait(PATIENCE), updating.wait(PATIENCE)) == (2, 0)
    assert writes(emulator) == ["POST /sections/7/groups/1"]


@pytest.mark.parametrize(("fault", "options"), [("stall", ["--timeout", "0.5"]), ("reset", [])])
def test_a_write_without_an_answer_may_have_been_done(
    emulator: Emulator, partoo: Partoo, fault: str, options: list[str]
) -> None:
    """After a timeout of the whole call, or a lost connection, the message says so."""
    emulator.faults.add(fault, match=lambda method, _: method == "POST")
    result = partoo("group", "create", 7, "--name", "New", "--empty", "--yes", *options)
    assert result.code == 4
    assert "partoo: nobody knows whether the change was made: look before you try again" in result.err.splitlines()
