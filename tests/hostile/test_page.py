"""The table of faults in docs/reliability.md and these tests are held to each other: no row is without a test."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"
ROWS = range(1, 54)


def shown() -> dict[str, set[int]]:
    """The rows that each test shows, by its name."""
    found: dict[str, set[int]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        if path.stem == "test_tls":
            pytest.importorskip("trustme")
        for name, test in vars(import_module(f"tests.hostile.{path.stem}")).items():
            if name.startswith("test_") and hasattr(test, "rows"):
                assert name not in found, "two tests of one name"
                found[name] = set(test.rows)
    return found


def told() -> dict[int, set[str]]:
    """The tests that the page names for each row."""
    table = PAGE.read_text(encoding="utf-8").partition("\n## Faults")[2]
    lines = re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(ROWS)
    return {int(number): set(re.findall(r"`(test_\w+)`", tests)) for number, tests in lines}


def test_every_row_has_a_test() -> None:
    """For each row the page names the tests that show it, all of them, and no others."""
    tests = shown()
    assert told() == {number: {name for name, rows in tests.items() if number in rows} for number in ROWS}
    assert all(told().values())
