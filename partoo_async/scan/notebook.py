"""A table for notebooks, as HTML. Everything in it may come from a server, and is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.text import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_ROWS", "html_table"]

MOST_ROWS = 20
_LONGEST = 200  # characters of a cell


def html_table(figures: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left_out: int) -> str:
    """Return a line of figures, and a table below it if there are rows."""
    line = f"<p>{_cell(figures)}</p>"
    if not rows:
        return line
    # A notebook aligns cells on the right, which suits the numbers only.
    head = "".join(f'<th style="text-align: left">{_cell(name)}</th>' for name in columns)
    lines = "".join(f"<tr>{''.join(_data(cell) for cell in row)}</tr>" for row in rows)
    more = f"<p>and {left_out:,} more</p>" if left_out else ""
    return f"{line}<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{more}"


def _data(cell: str) -> str:
    side = "right" if cell.replace(",", "").isdigit() else "left"
    return f'<td style="text-align: {side}">{_cell(cell)}</td>'


def _cell(text: str) -> str:
    from html import escape  # noqa: PLC0415 - brings the table of all HTML names, and few scans are in notebooks

    return escape(cut(text, _LONGEST))
