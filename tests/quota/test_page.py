"""The table of the quota in docs/reliability.md names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"


def test_what_the_page_says_of_the_quota_is_shown() -> None:
    """Each row names at least one test, and each of them exists once."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## The quota")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| (`test_[^|]*) \|$", section, re.MULTILINE)
    assert len(rows) == section.count("\n|") - 2
    there = [
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert all(there.count(name) == 1 for row in rows for name in re.findall(r"`(test_\w+)`", row))
