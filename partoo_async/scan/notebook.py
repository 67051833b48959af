"""What notebooks show, as HTML. Everything in it may come from a server, and is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.text import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_ROWS", "html_progress", "html_table", "html_text"]

MOST_ROWS = 20
_LONGEST = 120  # characters of a cell


def html_table(figures: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left_out: int) -> str:
    """Return a line of figures, and a table of the columns that have anything below it."""
    line = f"<p>{_escaped(figures)}</p>"
    if not rows:
        return line
    used = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    # A notebook aligns cells on the right, which suits the numbers only.
    head = "".join(f'<th style="text-align: left">{_cell(columns[number])}</th>' for number in used)
    lines = "".join(f"<tr>{''.join(_data(row[number]) for number in used)}</tr>" for row in rows)
    more = f"<p>and {left_out:,} more</p>" if left_out else ""
    return f"{line}<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{more}"


def _data(cell: str) -> str:
    side = "right" if cell.replace(",", "").isdigit() else "left"
    return f'<td style="text-align: {side}">{_cell(cell)}</td>'


def _cell(text: str) -> str:
    return _escaped(cut(text, _LONGEST))


def html_progress(done: int, total: int, text: str) -> str:
    """Return a bar with a text beside it. A total of 0: a bar of unknown length."""
    figures = f' value="{done:d}" max="{total:d}"' if total else ""
    return f"<progress{figures}></progress> {_escaped(text)}"


def html_text(text: str) -> str:
    """Return lines of plain text, folded where they are too long."""
    # A notebook breaks the lines of a "pre" anywhere, in the middle of words too.
    return f'<pre style="white-space: pre-wrap; word-break: normal">{_escaped(text)}</pre>'


def _escaped(text: str) -> str:
    from html import escape  # noqa: PLC0415 - brings the table of all HTML names, and few scans are in notebooks

    return escape(text)
