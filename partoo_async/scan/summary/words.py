"""What a summary says, in words and numbers that each layout writes in its own way."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from partoo_async._internal.describe import describe
from partoo_async._internal.text import amount, clean, cut, duration
from partoo_async.policy import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from partoo_async.scan.diff.changes import ScanDiff
    from partoo_async.scan.summary.facts import GroupSize, KnownBusiness, Summary

__all__ = [
    "DASH",
    "MINUS",
    "Figure",
    "Id",
    "Line",
    "Name",
    "business_line",
    "change_count",
    "display",
    "failure_lines",
    "figures",
    "group_line",
    "group_words",
    "headline",
    "run_lines",
    "section_line",
    "size_line",
    "size_steps",
    "when",
]


DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


@frozen
class Name:
    """A text of the server, which may hold anything."""

    text: str


@frozen
class Id:
    """An id, beside the name that it belongs to."""

    text: str


Line: TypeAlias = "tuple[str | Name | Id, ...]"
"""A sentence or a part of one. A plain ``str`` in it is ours."""


@frozen
class Figure:
    """A number at the top of a report. ``part``: which part of it tells more."""

    label: str
    number: str
    note: str
    part: str
    alarming: bool = False


# strftime would take the month's name from the locale.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905 - a line, not twelve


_REQUEST = re.compile(r" for [A-Z]+ /[^\s:]*")
_LONGEST_REASON = 200
_FEW = 12  # ids of one line

# Joiners make one emoji of several, and letters of some scripts; they do nothing else.
_JOINERS = "\u200c\u200d"
_LONGEST = 80  # characters


def display(text: str, most: int = _LONGEST) -> str:
    """Return a text of the server as one line, cut, with what could act on the page or the terminal escaped."""
    line = clean(" ".join(text[: 4 * most].split()), keep=_JOINERS)
    return line if len(line) <= most else f"{line[: most - 1].rstrip(_JOINERS)}…"


def when(moment: datetime, *, time: bool = True) -> str:
    """Return such as ``28 November 2026, 02:00 UTC``."""
    moment = moment.astimezone(UTC)
    day = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    return f"{day}, {moment:%H:%M} UTC" if time else day


def section_line(summary: Summary, section_id: int, name: str | None = None) -> Line:
    """Return a section by its name, where it is known."""
    name = summary.names.get(section_id) or name
    return ("section ", Id(str(section_id))) if name is None else (Name(name), " ", Id(str(section_id)))


def group_line(summary: Summary, section_id: int, group_id: int | None, name: str | None) -> Line:
    """Return a group by its name, where it is known, and its section."""
    if group_id is None:
        return section_line(summary, section_id)
    return *group_words(group_id, name), " in ", *section_line(summary, section_id)


def group_words(group_id: int, name: str | None) -> Line:
    """Return a group by its name, where it is known."""
    return ("group ", Id(str(group_id))) if name is None else (Name(name), " ", Id(str(group_id)))


def business_line(business: KnownBusiness, *, city: bool = False) -> Line:
    """Return a business by its name, where it is known."""
    place: Line = (", ", Name(business.city)) if city and business.city else ()
    named: Line = (Name(business.name), *place, " ") if business.name else ()
    return *named, Id(business.business_id)


def change_count(diff: ScanDiff) -> int:
    """Return how many sections, groups and businesses changed."""
    sections = (diff.sections_added, diff.sections_removed, diff.sections_renamed)
    groups = (diff.groups_added, diff.groups_removed, diff.groups_changed)
    return sum(map(len, (*sections, *groups, diff.businesses)))


def headline(summary: Summary, diff: ScanDiff | None, since: datetime | None) -> str:
    """Return the one or two sentences to begin with."""
    failed = len(summary.failures)
    if failed:
        read = f"{_failed(summary)} could not be read."
    elif not summary.run.complete:
        read = "The scan did not come to its end."
    else:
        read = "Everything was read."
    if diff is None:
        return read
    before = _before(summary, since)
    if diff:
        return f"{read} {amount(change_count(diff), 'change')} since {before}."
    rest = "" if diff.complete else ", as far as could be compared"
    return f"{read} Nothing changed since {before}{rest}."


def _before(summary: Summary, since: datetime | None) -> str:
    if since is None:
        return "the scan before"
    same_day = since.astimezone(UTC).date() == summary.run.at.astimezone(UTC).date()
    return when(since, time=same_day)


def _failed(summary: Summary) -> str:
    sections = len(summary.unread)
    groups = len(summary.failures) - sections
    parts = [amount(number, noun) for number, noun in ((sections, "section"), (groups, "group")) if number]
    return " and ".join(parts)


def failure_lines(summary: Summary) -> list[tuple[Line, str]]:
    """Return what could not be read and why, groups of a section in one line if they failed alike."""
    alike: dict[tuple[int, bool, str], list[str]] = {}
    for one in summary.failures:
        # The path says only what stands beside it.
        why = _REQUEST.sub("", describe(one.error), count=1)
        alike.setdefault((one.section_id, one.group_id is None, why), []).append(str(one.group_id))
    lines: list[tuple[Line, str]] = []
    for (section_id, whole, why), ids in alike.items():
        where = section_line(summary, section_id)
        if whole:
            lines.append((where, why))
            continue
        more = f" and {len(ids) - _FEW:,} more" if len(ids) > _FEW else ""
        named = [part for one in ids[:_FEW] for part in (", ", Id(one))][1:]
        lines.append((("group " if len(ids) == 1 else "groups ", *named, more, " in ", *where), why))
    return lines


def figures(summary: Summary, diff: ScanDiff | None, since: datetime | None) -> tuple[Figure, ...]:
    """Return the four numbers that are asked for first."""
    changes, note = DASH, "nothing to compare with"
    if diff is not None:
        changes = f"{change_count(diff):,}"
        note = f"since {_before(summary, since)}"
    alone = None if summary.ungrouped is None else len(summary.ungrouped)
    outside = f"{alone:,} more in no group" if alone else "each is in a group" if alone == 0 else "in these groups"
    failed = len(summary.failures)
    missing = f"{summary.not_reached:,} more not reached" if summary.not_reached else ""
    what = f"of {amount(failed + len(summary.groups), 'read')}" if failed else "everything was read"
    if failed and not summary.unread:
        what = f"of {amount(failed + len(summary.groups), 'group')}"
    if not summary.run.complete and not missing:
        missing = "the scan ended early"
    return (
        Figure("Groups", f"{len(summary.groups):,}", f"in {amount(len(summary.sections), 'section')}", "sections"),
        Figure("Businesses", f"{summary.businesses:,}", outside, "ungrouped" if alone else "sections"),
        Figure("Changes", changes, note, "changes"),
        Figure("Failed", f"{failed:,}", missing or what, "failures", alarming=bool(failed or missing)),
    )


def size_line(groups: Sequence[GroupSize]) -> str:
    """Return in words how large the groups are."""
    if not groups:
        return "No group was read."
    sizes = sorted(group.businesses for group in groups)
    middle = sizes[(len(sizes) - 1) // 2]
    most = amount(middle, "business", "businesses")
    return f"Half of the groups have at most {most}. The largest has {sizes[-1]:,}."


def size_steps(groups: Sequence[GroupSize]) -> list[tuple[int, int, int]]:
    """Count the groups by size: (least, most, groups), from the empty ones in steps of 1, 2, 5, 10 and so on."""
    if not groups:
        return []
    bounds = [0]
    largest = max(group.businesses for group in groups)
    for bound in _bounds():
        if bound > largest:
            break
        bounds.append(bound)
    counts = [0] * len(bounds)
    for group in groups:
        counts[bisect_right(bounds, group.businesses) - 1] += 1
    lasts = [bound - 1 for bound in [*bounds[1:], bound]]
    return list(zip(bounds, lasts, counts, strict=True))


def _bounds() -> Iterator[int]:
    for power in count():
        yield from (step * 10**power for step in (1, 2, 5))


def run_lines(summary: Summary) -> list[tuple[str, Line]]:
    """Return how the scan went: a label and what it was."""
    run = summary.run
    lines: list[tuple[str, Line]] = [("Scan began", (when(run.at),))]
    if run.seconds is not None:
        lines.append(("Took", (duration(run.seconds),)))
    if run.requests is not None:
        lines.append(("Requests", (f"{run.requests:,}{_quota(run.requests, run.seconds)}",)))
    if run.certainty:
        lines.append(("How it was read", (run.certainty,)))
    if summary.ungrouped is None:
        why = run.businesses_problem or "the list of all businesses was not read"
        lines.append(("Businesses in no group", ("not known: ", Name(cut(why, _LONGEST_REASON)))))
    if run.server:
        lines.append(("Server", (run.server,)))
    return lines


def _quota(requests: int, seconds: float | None) -> str:
    if not seconds or not requests:
        return ""
    limit = RateLimit()
    allowed = limit.requests * max(1.0, seconds / limit.per)
    share = max(1, round(100 * requests / allowed))
    time = "in that time" if seconds > limit.per else "in a minute"
    return f", {share} % of what the documented quota allows {time}"
