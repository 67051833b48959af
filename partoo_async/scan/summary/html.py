"""A summary as one HTML page that needs nothing else: no script, no font, no picture."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from partoo_async._internal.text import amount
from partoo_async.scan.summary.changes import change_notes, change_parts, totals
from partoo_async.scan.summary.charts import histogram, meter, range_text, swatch
from partoo_async.scan.summary.elements import Column, bullets, entries, folded, group, line, name, paragraph, table
from partoo_async.scan.summary.style import STYLE
from partoo_async.scan.summary.words import (
    MINUS,
    business_line,
    display,
    failure_lines,
    figures,
    group_line,
    headline,
    run_lines,
    section_line,
    size_line,
    size_steps,
    when,
)

if TYPE_CHECKING:
    from datetime import datetime

    from partoo_async.scan.diff.changes import ScanDiff
    from partoo_async.scan.summary.facts import GroupSize, KnownBusiness, Summary

__all__ = ["html_report"]

# The page has no script, and its policy says so to the browser, in case a name would bring one.
_POLICY = "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
_AXIS = "Businesses in a group, and how many groups have so many"
_LARGEST = 10
_LONGEST_REASON = 300  # characters
_FEW = 6  # businesses of one change


def html_report(summary: Summary, diff: ScanDiff | None, since: datetime | None, most: int | None) -> str:
    """Return the page, with ``most`` entries of each list."""
    parts = {
        "failures": ("Not read", _failures(summary, most)),
        "changes": ("What changed", _changes(summary, diff, most)),
        "sections": ("Sections", _sections(summary, most)),
        "sizes": ("Sizes of groups", _sizes(summary)),
        "overlaps": ("Overlaps", _overlaps(summary, most)),
        "ungrouped": ("Businesses in no group", _ungrouped(summary, most)),
        "empty": ("Empty groups", _empty(summary, most)),
        "run": ("About the scan", _run(summary)),
    }
    parts = {key: (title, body) for key, (title, body) in parts.items() if body}
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{title}</h2>{inner}</section>'
        for key, (title, inner) in parts.items()
    )
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>Partoo groups, {when(summary.run.at, time=False)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f'<body>\n<main>\n<header>\n<p class="kicker">Partoo groups · {when(summary.run.at)}</p>\n'
        f"<h1>{escape(headline(summary, diff, since))}</h1>\n</header>\n"
        f"{_figures(summary, diff, since, {*parts})}\n{body}\n{_footer(summary)}</main>\n</body>\n</html>\n"
    )


def _figures(summary: Summary, diff: ScanDiff | None, since: datetime | None, parts: set[str]) -> str:
    tiles = []
    for figure in figures(summary, diff, since):
        label = f'<a href="#{figure.part}">{figure.label}</a>' if figure.part in parts else figure.label
        alarm = " alarm" if figure.alarming else ""
        tiles.append(
            f'<div><dt>{label}</dt><dd class="big{alarm}">{figure.number}</dd><dd class="note">{figure.note}</dd></div>'
        )
    return f'<dl class="figures">{"".join(tiles)}</dl>'


def _failures(summary: Summary, most: int | None) -> str:
    found = failure_lines(summary)
    if not found and not summary.not_reached:
        return ""
    missing = f"{amount(summary.not_reached, 'group')} not reached. " if summary.not_reached else ""
    rows = [(line(where), escape(display(why, _LONGEST_REASON))) for where, why in found[:most]]
    columns = (Column("Group or section", "half"), Column("Why"))
    listed = table(_hidden("What could not be read"), columns, rows, len(found)) if rows else ""
    return paragraph(f"{missing}What could not be read is not taken for gone.", "intro") + listed


def _hidden(text: str) -> str:
    return f'<span class="hidden">{escape(text)}</span>'


def _changes(summary: Summary, diff: ScanDiff | None, most: int | None) -> str:
    if diff is None:
        return ""
    notes = "".join(paragraph(note, "more") for note in change_notes(diff))
    counted = totals(diff)
    largest = max((count for _, _, count in counted), default=1)
    rows = [
        (escape(title), meter([("warm" if sign == MINUS else "bar", count / largest)]), f"{count:,}")
        for title, sign, count in counted
    ]
    columns = (Column("Kind", "half"), Column(""), Column("How many", "num"))
    overview = table(_hidden("Changes by kind"), columns, rows, len(rows)) if rows else ""
    lists = "".join(entries(part, most) for part in change_parts(diff, summary, _FEW))
    return (overview + notes + lists) or paragraph("Nothing changed.", "intro")


def _sections(summary: Summary, most: int | None) -> str:
    if not summary.sections:
        return ""
    largest = max(one.businesses for one in summary.sections) or 1
    rows = []
    for one in summary.sections[:most]:
        notes = [f"{one.empty:,} empty"] * bool(one.empty) + [f"{one.failed:,} not read"] * bool(one.failed)
        sub = f'<span class="sub">{", ".join(notes)}</span>' if notes else ""
        rows.append(
            (
                line(section_line(summary, one.section_id)) + sub,
                meter([("bar", one.businesses / largest)]),
                f"{one.groups:,}",
                f"{one.businesses:,}",
            )
        )
    columns = (Column("Section", "third"), Column(""), Column("Groups", "num"), Column("Businesses", "num"))
    caption = _hidden("Sections by number of businesses")
    intro = "By how many businesses are in their groups, each counted once."
    return paragraph(intro, "intro") + table(caption, columns, rows, len(summary.sections))


def _sizes(summary: Summary) -> str:
    if not summary.groups:
        return ""
    steps = size_steps(summary.groups)
    numbers = [(range_text(least, most), f"{count:,}") for least, most, count in steps]
    columns = (Column("Businesses in a group"), Column("Groups", "num"))
    largest = (Column("Group", "half"), Column(""), Column("Businesses", "num"))
    rows = [_group_row(summary, one) for one in summary.groups[:_LARGEST]]
    return (
        paragraph(size_line(summary.groups), "intro")
        + f"<figure>{histogram(steps)}<figcaption>{_AXIS}</figcaption></figure>"
        + "<details><summary>Show as a table</summary>"
        + table(_hidden("Sizes of groups"), columns, numbers, len(numbers))
        + "</details><h3>Largest groups</h3>"
        + table(_hidden("Largest groups"), largest, rows, len(rows))
    )


def _group_row(summary: Summary, one: GroupSize) -> tuple[str, str, str]:
    largest = summary.groups[0].businesses or 1
    named = group(summary, one.section_id, one.group_id, one.name)
    return named, meter([("bar", one.businesses / largest)]), f"{one.businesses:,}"


def _group(summary: Summary, one: GroupSize) -> str:
    return line(group_line(summary, one.section_id, one.group_id, one.name))


def _overlaps(summary: Summary, most: int | None) -> str:
    if not summary.overlaps:
        return ""
    rows = []
    for one in summary.overlaps[:most]:
        first, second, shared = one.first.businesses, one.second.businesses, one.shared
        union = first + second - shared
        shares = (("pale", (first - shared) / union), ("bar", shared / union), ("warm", (second - shared) / union))
        share = f"{100 * shared // second} % of the smaller one"
        if shared == second:
            share = "all of the smaller one" if first > second else "both have the same businesses"
        pair = f"{_group(summary, one.first)}<br>{_group(summary, one.second)}"
        rows.append((f'{pair}{meter(shares)}<span class="sub">{share}</span>', f"{shared:,}"))
    repeated = amount(summary.repeated, "business is", "businesses are")
    intro = f"Pairs of groups that share the most. {repeated} in more than one group of the same section."
    if summary.compared < len(summary.groups):
        intro += f" Looked for among the {summary.compared:,} largest groups."
    key = "".join(
        f"<span>{swatch(kind)}{text}</span>"
        for kind, text in (("pale", "only in the first"), ("bar", "in both"), ("warm", "only in the second"))
    )
    columns = (Column("Two groups"), Column("Shared", "num"))
    caption = _hidden("Pairs of groups by shared businesses")
    return (
        paragraph(intro, "intro") + f'<p class="key">{key}</p>' + table(caption, columns, rows, len(summary.overlaps))
    )


def _ungrouped(summary: Summary, most: int | None) -> str:
    if summary.ungrouped is None:
        return ""
    if not summary.ungrouped:
        return paragraph("Every business is in a group.", "intro")
    total = len(summary.ungrouped)
    items = [f"{line(business_line(one))}{_about(one)}" for one in summary.ungrouped[:most]]
    intro = f"{amount(total, 'business', 'businesses')} of {total + summary.businesses:,}."
    return paragraph(intro, "intro") + folded(items, total, bullets)


def _about(business: KnownBusiness) -> str:
    status = (business.status or "").replace("_", " ")
    known = [name(text) for text in (business.city, business.code, status) if text]
    return f'<span class="sub">{" · ".join(known)}</span>' if known else ""


def _empty(summary: Summary, most: int | None) -> str:
    if not summary.empty:
        return ""
    items = [_group(summary, one) for one in summary.empty[:most]]
    intro = f"{amount(len(summary.empty), 'group')} without a business."
    return paragraph(intro, "intro") + folded(items, len(summary.empty), bullets)


def _run(summary: Summary) -> str:
    rows = "".join(f"<dt>{label}</dt><dd>{line(value)}</dd>" for label, value in run_lines(summary))
    return f'<dl class="run">{rows}</dl>'


def _footer(summary: Summary) -> str:
    version = f" {escape(display(summary.run.version))}" if summary.run.version else ""
    return f"<footer><p>Made from a scan by partoo_async{version}. Times are in UTC.</p></footer>\n"
