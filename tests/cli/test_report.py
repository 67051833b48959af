"""What `partoo report` prints and writes, and with which code it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from partoo_async import PartooClient
from partoo_async.emulator import Emulator
from partoo_async.nightly.reading import read_everything
from tests.cli.conftest import Result
from tests.support.each import each

Partoo = Callable[..., Result]


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """monday.db and tuesday.db, a group of which was renamed."""

    async def scan() -> None:
        async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as client:
            await read_everything(client, Path("monday.db"), resume=False)
            emulator.sections[5].groups[20].name = "Flagship stores"
            await read_everything(client, Path("tuesday.db"), resume=False)

    monkeypatch.chdir(tmp_path)
    asyncio.run(scan())


@pytest.mark.usefixtures("journals")
def test_it_prints_a_short_text(partoo: Partoo) -> None:
    """Of one journal, or with what changed since another."""
    done = partoo("report", "tuesday.db")
    assert (done.code, done.err) == (0, "")
    assert "| Groups | **77** in " in done.out
    assert "nothing to compare with" in done.out
    done = partoo("report", "tuesday.db", "--before", "monday.db", "--most", "1")
    assert done.code == 0
    assert "Everything was read. 1 change since" in done.out
    assert "renamed, was Flagship" in done.out
    assert re.search(r"and \d+ more", done.out)


@pytest.mark.usefixtures("journals")
def test_it_writes_a_file(partoo: Partoo) -> None:
    """And says so on standard error alone."""
    done = partoo("report", "tuesday.db", "--before", "monday.db", "--output", "report.json")
    assert (done.code, done.out, done.err) == (0, "", "partoo: wrote report.json\n")
    assert json.loads(Path("report.json").read_text("utf-8"))["changes"]["same"] is False
    assert partoo("report", "tuesday.db", "--output", "report.html").code == 0
    assert Path("report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("journals")
@each(
    "words, message",
    [
        (["none.db"], "JOURNAL: "),
        (["tuesday.db", "--before", "none.db"], "--before: cannot read none.db: "),
        (["none.db", "--before", "monday.db"], "JOURNAL: cannot read none.db: "),
        (
            ["tuesday.db", "--output", "report.pdf"],
            "--output: expected a name that ends with .html, .md or .json, not ",
        ),
        (["tuesday.db", "--most", "-1"], "--most: "),
    ],
)
def test_what_is_wrong_is_named_as_it_was_typed(partoo: Partoo, words: list[str], message: str) -> None:
    """By the words of the command line, with the code of a wrong one."""
    done = partoo("report", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"partoo: error: {message}")


@pytest.mark.usefixtures("journals")
def test_any_form_goes_to_standard_output(partoo: Partoo) -> None:
    """As the file of that form; a dash alone is the short text; a file says its form by its suffix."""
    assert partoo("report", "tuesday.db", "--output", "-") == partoo("report", "tuesday.db")
    for form in ("html", "md", "json"):
        assert partoo("report", "tuesday.db", "--output", f"report.{form}").code == 0
        printed = partoo("report", "tuesday.db", "--format", form)
        assert (printed.code, printed.err) == (0, "")
        assert printed.out == Path(f"report.{form}").read_text(encoding="utf-8")
    refused = partoo("report", "tuesday.db", "--output", "x.md", "--format", "md")
    assert (refused.code, refused.err) == (
        2,
        "partoo: error: --format: is for standard output; the suffix of a file says its format\n",
    )
