"""Markdown for a mail or a pull request: short, and names are text."""

from __future__ import annotations

import re

from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from partoo_async import Group, ScannedGroup, ScannedSection
from partoo_async.scan.summary.markdown import markdown_report
from tests.scan.summary.support import SINCE, changes, failure, organization, success, summarized


def cells(line: str) -> int:
    """How many cells a row of a table has: pipes count unless they are escaped."""
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1


@settings(max_examples=60)
@given(name=st.text())
@example(name="a|b\\|c\\")
@example(name="<!-- [x](javascript:alert(1)) `` ~~~ **")
@example(name="# \n- 1. > ![](https://example.org)")
def test_tables_stay_tables(name: str) -> None:
    """No name adds a line, a cell, or a line of another kind."""
    lines = markdown_report(organization(name), changes(name), SINCE, 10).split("\n")
    plain = markdown_report(organization("x"), changes("x"), SINCE, 10).split("\n")
    assert len(lines) == len(plain)
    assert [cells(line) for line in lines if line.startswith("|")] == [
        cells(line) for line in plain if line.startswith("|")
    ]
    assert [line[:2] for line in lines if line.startswith(("#", "- "))] == [
        line[:2] for line in plain if line.startswith(("#", "- "))
    ]


def test_names_make_no_markup_and_call_nobody() -> None:
    """Emphasis, links, code and HTML are escaped; an @ name of a forge is not one any more."""
    text = markdown_report(
        summarized([success(7, 1, "*a* [b](c) `d` <i> @octocat www.e.org a@b.org", [])]), None, None, 9
    )
    assert r"\*a\* \[b\](c) \`d\` \<i\> @" in text
    assert "@octocat" not in text
    assert r"www\.e" in text
    assert "a@b.org" in text


def test_the_whole_of_a_small_report() -> None:
    """As a person reads it."""
    items = [success(7, 1, "France", "abc"), success(7, 2, "Spain", "c"), success(7, 3, "Nowhere", "")]
    found = summarized(items, sections={7: ("Countries", [1, 2, 3])})
    assert (
        markdown_report(found, None, None, 10)
        == """\
# Partoo groups, 28 November 2026, 02:00 UTC

Everything was read.

|  |  |
| --- | --- |
| Groups | **3** in 1 section |
| Businesses | **3** in these groups |
| Changes | **\N{EN DASH}** nothing to compare with |
| Failed | **0** everything was read |

## Sections

| section | groups | businesses | empty groups |
| --- | ---: | ---: | ---: |
| Countries (7) | 3 | 3 | 1 |

Half of the groups have at most 1 business. The largest has 3.

## Groups that share the most businesses

| group | and group | shared |
| --- | --- | ---: |
| France (1) in Countries (7) | Spain (2) in Countries (7) | 1 |

## Empty groups (1)

- Nowhere (3) in Countries (7)

## About the scan

- Scan began: 28 November 2026, 02:00 UTC
- Took: 6.0 s
- Requests: 60, 20 % of what the documented quota allows in a minute
- Businesses in no group: not known: the list of all businesses was not read
"""
    )


def test_it_is_short_whatever_happened() -> None:
    """A thousand of each are cut and counted."""
    items = [success(number, number, "n" * 500, [] if number % 2 else ["a", "b"]) for number in range(1000)]
    text = markdown_report(summarized(items), None, None, 10)
    assert len(text) < 20_000
    assert "and 490 more" in text
    assert "and 990 more" in text


def test_ids_stand_beside_names_or_in_their_place() -> None:
    """Of a section that is gone, the comparison knows the name; what has none is called by its id alone."""
    gone = Group(6, "Portugal", False, ("a", "b"))
    diff = evolve(changes(), sections_removed=(ScannedSection(6, "Old"),), groups_removed=(ScannedGroup(6, gone),))
    text = markdown_report(summarized([failure(5, 4), failure(8, None)]), diff, SINCE, 10)
    assert "- Portugal (6) in Old (6)\n    - 2 businesses: a, b\n" in text
    assert "- group 4 in section 5: " in text
    assert "- section 8: " in text
