"""A summary as Markdown, short enough for a mail or a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from partoo_async._internal.text import amount
from partoo_async.scan.summary.changes import change_notes, change_parts
from partoo_async.scan.summary.words import (
    Id,
    Line,
    Name,
    business_line,
    display,
    failure_lines,
    figures,
    group_line,
    headline,
    run_lines,
    section_line,
    size_line,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from partoo_async.scan.diff.changes import ScanDiff
    from partoo_async.scan.summary.facts import Summary

__all__ = ["markdown_report"]

_SPECIAL = re.compile(r"[\\`*_~{}\[\]<>#|$&]|(?<=:)//|(?<=www)\.|^[-+=](?=\s|$)|^\d+(?=[.)])")
_LONGEST_REASON = 200
_FEW = 3  # businesses of one change
# A name must not notify the user of a forge whose name it is: a word joiner, which nobody sees, parts them.
_MENTION = re.compile(r"(?<![\w])@(?=\w)")


def markdown_report(summary: Summary, diff: ScanDiff | None, since: datetime | None, most: int | None) -> str:
    """Return the report, with ``most`` entries of each list."""
    told = figures(summary, diff, since)
    lines = [
        f"# Partoo groups, {when(summary.run.at)}",
        "",
        headline(summary, diff, since),
        "",
        *_table(("", ""), [(one.label, f"**{one.number}** {one.note}") for one in told], texts=2),
        *_failures(summary, most),
        *_changes(summary, diff, most),
        *_sections(summary, most),
        *_overlaps(summary, most),
        *_ungrouped(summary, most),
        *_empty(summary, most),
        "",
        "## About the scan",
        "",
        *(f"- {label}: {_text(value)}" for label, value in run_lines(summary)),
    ]
    return "\n".join(lines) + "\n"


def _escaped(text: str, most: int = 80) -> str:
    line = _SPECIAL.sub(lambda match: "".join(f"\\{char}" for char in match[0]), display(text, most))
    return _MENTION.sub("@\u2060", line)


def _text(line: Line) -> str:
    return "".join(_part(part, before) for before, part in zip(("", *line), line, strict=False))


def _part(part: str | Name | Id, before: str | Name | Id) -> str:
    if isinstance(part, Id):
        # Beside its name, or in its place.
        return f"({_escaped(part.text)})" if before == " " else _escaped(part.text)
    return _escaped(part.text) or "(no name)" if isinstance(part, Name) else part


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> Iterator[str]:
    """Return a table, whose first columns have text and the others numbers."""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' if number < texts else '---:' for number in range(len(columns)))} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _part_of(title: str, lines: Sequence[str], total: int, most: int | None) -> Iterator[str]:
    """Return a heading, lines that follow it, and how many more there are. Nothing if there are none."""
    if total:
        yield from ("", f"## {title}", "", *lines)
        if most is not None and total > most:
            yield from ("", f"and {total - most:,} more")


def _failures(summary: Summary, most: int | None) -> Iterator[str]:
    found = failure_lines(summary)
    lines = [f"- {_text(where)}: {_escaped(why, _LONGEST_REASON)}" for where, why in found[:most]]
    yield from _part_of("Not read", lines, len(found), most)
    if summary.not_reached:
        yield from ("", f"{amount(summary.not_reached, 'group')} not reached.")


def _changes(summary: Summary, diff: ScanDiff | None, most: int | None) -> Iterator[str]:
    if diff is None or not (diff or change_notes(diff)):
        return
    yield from ("", "## What changed")
    for note in change_notes(diff):
        yield from ("", _escaped(note, 4 * _LONGEST_REASON))
    for part in change_parts(diff, summary, _FEW):
        yield from ("", f"**{part.title}** ({len(part.values):,})", "")
        for entry in map(part.words, part.values[:most]):
            yield f"- {_text(entry.head)}"
            yield from (f"    - {_text(detail)}" for detail in entry.details)
        if most is not None and len(part.values) > most:
            yield f"- and {len(part.values) - most:,} more"


def _sections(summary: Summary, most: int | None) -> Iterator[str]:
    rows = [
        (_text(section_line(summary, one.section_id)), *(f"{n:,}" for n in (one.groups, one.businesses, one.empty)))
        for one in summary.sections[:most]
    ]
    lines = _table(("section", "groups", "businesses", "empty groups"), rows)
    yield from _part_of("Sections", [*lines, "", size_line(summary.groups)], len(summary.sections), most)


def _overlaps(summary: Summary, most: int | None) -> Iterator[str]:
    few = None if most is None else most // 2
    rows = [
        (
            *(_text(group_line(summary, two.section_id, two.group_id, two.name)) for two in (one.first, one.second)),
            f"{one.shared:,}",
        )
        for one in summary.overlaps[:few]
    ]
    yield from _part_of(
        "Groups that share the most businesses",
        [*_table(("group", "and group", "shared"), rows, texts=2)],
        len(rows),
        None,
    )


def _ungrouped(summary: Summary, most: int | None) -> Iterator[str]:
    found = summary.ungrouped or ()
    yield from _part_of(
        f"Businesses in no group ({len(found):,})",
        [f"- {_text(business_line(one, city=True))}" for one in found[:most]],
        len(found),
        most,
    )


def _empty(summary: Summary, most: int | None) -> Iterator[str]:
    found = summary.empty
    lines = [f"- {_text(group_line(summary, one.section_id, one.group_id, one.name))}" for one in found[:most]]
    yield from _part_of(f"Empty groups ({len(found):,})", lines, len(found), most)
