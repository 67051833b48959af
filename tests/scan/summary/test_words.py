"""The words of a report: the first sentence, the four numbers, times, names that a server sent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import ScanDiff
from partoo_async.scan.summary.facts import Run, Summary
from partoo_async.scan.summary.words import display, failure_lines, figures, headline, run_lines, when
from tests.scan.summary.support import AT, SINCE, changes, failure, organization, success, summarized
from tests.support.each import each

SAME = ScanDiff((), (), (), (), (), (), 4, (), (), ())
WHOLE = summarized([success(7, 1, "A", "ab"), success(7, 2, "B", "")])


@each(
    "summary, diff, since, sentence",
    [
        (WHOLE, None, None, "Everything was read."),
        (WHOLE, SAME, SINCE, "Everything was read. Nothing changed since 27 November 2026."),
        (
            WHOLE,
            evolve(SAME, incomplete=("before",)),
            None,
            "Everything was read. Nothing changed since the scan before, as far as could be compared.",
        ),
        (
            organization(),
            changes(),
            SINCE,
            "1 section and 1 group could not be read. 7 changes since 27 November 2026.",
        ),
        (
            organization(),
            changes(),
            AT,
            "1 section and 1 group could not be read. 7 changes since 28 November 2026, 02:00 UTC.",
        ),
        (summarized([], run=Run(AT, complete=False)), None, None, "The scan did not come to its end."),
    ],
)
def test_the_first_sentence_is_the_news(
    summary: Summary, diff: ScanDiff | None, since: datetime | None, sentence: str
) -> None:
    """Whether everything was read, and whether anything changed; the time of day only where the day is the same."""
    assert headline(summary, diff, since) == sentence


def test_the_four_numbers() -> None:
    """Groups, businesses, changes and failures, each with what it is of."""
    told = [(one.label, one.number, one.note, one.alarming) for one in figures(organization(), changes(), SINCE)]
    assert told == [
        ("Groups", "4", "in 2 sections", False),
        ("Businesses", "4", "2 more in no group", False),
        ("Changes", "7", "since 27 November 2026", False),
        ("Failed", "2", "1 more not reached", True),
    ]
    told = [(one.label, one.number, one.note, one.alarming) for one in figures(WHOLE, None, None)]
    assert told[2:] == [
        ("Changes", "\N{EN DASH}", "nothing to compare with", False),
        ("Failed", "0", "everything was read", False),
    ]


def test_each_business_is_in_a_group() -> None:
    """Which is worth saying where all of them are known."""
    (told,) = (one.note for one in figures(summarized([], whole=True), None, None) if one.label == "Businesses")
    assert told == "each is in a group"


def test_what_failed_alike_is_one_line() -> None:
    """A thousand groups with the same error are told once, with the first of their ids."""
    items = [failure(7, number) for number in range(1, 1001)] + [failure(7, 0, 403), failure(8, None)]
    lines = [
        ("".join(getattr(part, "text", part) for part in where), why) for where, why in failure_lines(summarized(items))
    ]
    first = ", ".join(map(str, range(1, 13)))
    assert lines == [
        ("group 0 in section 7", "403 Forbidden: Not here"),
        (f"groups {first} and 988 more in section 7", "404 Not Found: Not here"),
        ("section 8", "404 Not Found: Not here"),
    ]


@each(
    "requests, seconds, told",
    [
        (None, None, None),
        (60, 6.0, "60, 20 % of what the documented quota allows in a minute"),
        (1, 0.1, "1, 1 % of what the documented quota allows in a minute"),
        (1500, 600.0, "1,500, 50 % of what the documented quota allows in that time"),
    ],
)
def test_the_quota_that_was_used(requests: int | None, seconds: float | None, told: str | None) -> None:
    """As a share of 300 requests a minute, over the time of the scan, and over a minute if it was shorter."""
    found = summarized([], run=Run(AT, complete=True, requests=requests, seconds=seconds))
    assert dict(run_lines(found)).get("Requests") == (None if told is None else (told,))


def test_times_are_in_utc_and_in_words() -> None:
    """Whatever the time zone and the locale."""
    there = datetime(2026, 3, 1, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert when(there) == "28 February 2026, 22:05 UTC"
    assert when(there, time=False) == "28 February 2026"


@each(
    "text, shown",
    [
        ("Café", "Café"),
        (" a\n\tb  ", "a b"),
        ("\u202eevil", "\\u202eevil"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("\N{WOMAN}\u200d\N{ROCKET}", "\N{WOMAN}\u200d\N{ROCKET}"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_names_as_they_are_shown(text: str, shown: str) -> None:
    """On one line, cut, without what would act on a page or a terminal; joined emoji stay joined."""
    assert display(text) == shown


@given(st.text(), st.integers(1, 100))
def test_no_name_is_longer_than_it_may_be(text: str, most: int) -> None:
    """And every one can be written as UTF-8."""
    assert len(display(text, most).encode().decode()) <= most


def test_why_businesses_in_no_group_are_not_known() -> None:
    """The reason is told where the list would be."""
    run = Run(AT, complete=True, businesses_problem="403 Forbidden")
    (told,) = [line for label, line in run_lines(summarized([], run=run)) if label == "Businesses in no group"]
    assert "".join(getattr(part, "text", part) for part in told) == "not known: 403 Forbidden"
