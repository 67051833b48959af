"""Parts of the HTML page. Whatever a server sent passes ``name`` or ``line``, which escape it."""

from __future__ import annotations

from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from partoo_async.scan.summary.words import MINUS, Id, Line, Name, display, group_words, section_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from partoo_async.scan.summary.changes import Entry, Part
    from partoo_async.scan.summary.facts import Summary

__all__ = ["Column", "bullets", "entries", "folded", "group", "line", "name", "paragraph", "table"]

T = TypeVar("T")

_SHORT = 8  # characters of an id that stays on the line of its name
_SHOWN = 10  # entries that are not folded away


def name(text: str) -> str:
    """Return a name, in its own direction."""
    return f"<bdi>{escape(display(text))}</bdi>" if text.strip() else '<span class="none">no name</span>'


def line(parts: Line) -> str:
    """Return a line of words, names and ids."""
    return "".join(_part(part, after) for part, after in zip_longest(parts, parts[1:]))


def _part(part: str | Name | Id, after: str | Name | Id | None) -> str:
    if part == " " and isinstance(after, Id) and len(after.text) <= _SHORT:
        return "&nbsp;"
    if isinstance(part, Name):
        return name(part.text)
    return f'<span class="id">{escape(display(part.text))}</span>' if isinstance(part, Id) else escape(part)


def group(summary: Summary, section_id: int, group_id: int | None, name: str | None) -> str:
    """Return a group, and its section on a line below it."""
    if group_id is None:
        return line(section_line(summary, section_id))
    named = group_words(group_id, name)
    return f'{line(named)}<span class="sub">{line(("in ", *section_line(summary, section_id)))}</span>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of our own words."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


@frozen
class Column:
    """A column of a table, of the class ``kind``. The first one names its row."""

    title: str
    kind: str = ""


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], total: int) -> str:
    """Return a table of cells in HTML, of which the first rows are shown and the rest is folded."""

    def part(some: Sequence[Sequence[str]]) -> str:
        head = "".join(map(_head, columns))
        body = "".join(_row(columns, row) for row in some)
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    return folded(rows, total, part)


def _head(column: Column) -> str:
    return f'<th scope="col"{_class(column.kind)}>{escape(column.title)}</th>' if column.title else "<td></td>"


def _row(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *rest = row
    cells = "".join(f"<td{_class(column.kind)}>{cell}</td>" for column, cell in zip(columns[1:], rest, strict=True))
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


def folded(values: Sequence[T], total: int, part: Callable[[Sequence[T]], str]) -> str:
    """Return the first values, the rest of them to unfold, and how many more there are in all."""
    shown, rest = values[:_SHOWN], values[_SHOWN:]
    more = f'<p class="more">and {total - len(values):,} more</p>' if total > len(values) else ""
    inner = f"<details><summary>Show {len(rest):,} more</summary>{part(rest)}{more}</details>" if rest else more
    return part(shown) + inner


def bullets(some: Sequence[str]) -> str:
    """Return a list of HTML."""
    return f'<ul class="entries plain">{"".join(f"<li>{one}</li>" for one in some)}</ul>'


def entries(part: Part, most: int | None) -> str:
    """Return a kind of changes as a list."""

    def listed(some: Sequence[Entry]) -> str:
        return f'<ul class="entries">{"".join(_entry(one, one.sign or part.sign) for one in some)}</ul>'

    title = f'<h3>{escape(part.title)}<span class="n">{len(part.values):,}</span></h3>'
    return title + folded([part.words(value) for value in part.values[:most]], len(part.values), listed)


def _entry(one: Entry, sign: str) -> str:
    gone = " gone" if sign == MINUS else ""
    return f'<li><span class="sign{gone}" aria-hidden="true">{sign}</span>{line(one.head)}{_details(one)}</li>'


def _details(one: Entry) -> str:
    return f"<ul>{''.join(f'<li>{line(detail)}</li>' for detail in one.details)}</ul>" if one.details else ""
