"""What is printed with rich: consoles and tables."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

__all__ = ["console", "plain_table"]


@total_repr
class PipeConsole(Console):
    """A console that raises when its reader is gone."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the caller clean up and choose the exit code."""
        # rich's own ends the process, in the middle of a scan.
        raise BrokenPipeError


def console(file: IO[str], width: int | None = None) -> Console:
    """Return a console that prints text as it is: no markup, no highlighting, no emoji codes."""
    return PipeConsole(file=file, width=width, markup=False, highlight=False, emoji=False)


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str]) -> Table:
    """Return a table without lines; columns in ``numbers`` are aligned on the right."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        style = "red" if column == "error" else ""
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold", style=style)
    for row in rows:
        # Text, not str: a name in brackets is a name and not a style.
        made.add_row(*(Text(clean(cell)) for cell in row))
    return made
