"""Where results go: a table, lines on standard output as they come, or a file."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from attrs import frozen

from partoo_async.cli.options import OptionGroup
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from partoo_async.exports import Delimiter, Format, RowKind

__all__ = ["ListOptions", "ScanOptions", "Target"]

_PANEL = "Results"
_TABS = ("tab", "\\t")  # as a shell hands it over


class ListFormat(enum.StrEnum):
    """What ``--format`` takes for a list."""

    NDJSON = "ndjson"
    CSV = "csv"


class FormatName(enum.StrEnum):
    """What ``--format`` takes for a scan."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


class RowForm(enum.StrEnum):
    """What ``--rows`` takes."""

    BUSINESS = "business"
    GROUP = "group"


def _file(suffixes: str) -> Any:
    text = f"Write to a file, all or nothing: {suffixes}. '-' is standard output."
    return typer.Option(metavar="FILE", help=text, show_default=False, rich_help_panel=_PANEL)


_FORMAT = "Of standard output, or of a file with another suffix."
_Format: Any = typer.Option(help=_FORMAT, show_default=False, rich_help_panel=_PANEL)
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        metavar="CHAR",
        help="Of CSV: ',' (the default), ';' or tab. Spreadsheets of many languages expect ';'.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Rows = Annotated[
    RowForm | None,
    typer.Option(
        help="Of CSV: a row per business (the default) or per group.", show_default=False, rich_help_panel=_PANEL
    ),
]


@frozen
class Target:
    """Lines or a file. ``path`` is None for standard output."""

    path: str | None
    format: Format | None
    delimiter: Delimiter | None
    rows: RowKind | None = None

    @property
    def is_json(self) -> bool:
        """Whether it is JSON lines on standard output."""
        return self.path is None and self.format == "ndjson"


@frozen(kw_only=True)
class ListOptions(OptionGroup):
    """Options for the results of a list."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object per line.", rich_help_panel=_PANEL)
    ] = False
    output: Annotated[str | None, _file(".ndjson or .csv")] = None
    format: Annotated[ListFormat | None, _Format] = None
    delimiter: DelimiterOption = None

    @property
    def row_form(self) -> RowKind | None:
        """What a row stands for, where that can be chosen."""
        return None

    def target(self) -> Target | None:
        """Return where the results go, None for a table. Raises ``ConfigurationError``."""
        path = None if self.output in (None, "-") else self.output
        if path is not None and self.as_json:
            raise ConfigurationError("--json: prints to standard output, so it does not go with --output FILE")
        if self.as_json and self.format not in (None, "ndjson"):
            raise ConfigurationError(f"--json: does not go with --format {self.format}")
        made: Format | None = None if self.format is None else self.format.value
        if path is None and made is None and (self.as_json or self.output == "-"):
            made = "ndjson"
        is_csv = made == "csv" or (made is None and path is not None and Path(path).suffix.lower() == ".csv")
        for option, given in (("--delimiter", self.delimiter), ("--rows", self.row_form)):
            if given is not None and not is_csv:
                raise ConfigurationError(f"{option}: needs --output FILE.csv or --format csv")
        if made == "parquet" and path is None and sys.stdout.isatty():
            raise ConfigurationError("--format: parquet is not for a terminal; give --output FILE, or a pipe")
        if path is None and made is None:
            return None
        return Target(path, made, self._cell_delimiter(), self.row_form)

    def _cell_delimiter(self) -> Delimiter | None:
        given = "\t" if self.delimiter in _TABS else self.delimiter
        if given not in (None, ",", ";", "\t"):
            raise ConfigurationError(f"--delimiter: expected ',', ';' or tab, not {given!r}")
        return cast("Delimiter | None", given)


@frozen(kw_only=True)
class ScanOptions(ListOptions):
    """Options for the results of a scan."""

    output: Annotated[str | None, _file(".ndjson, .csv or .parquet")] = None
    format: Annotated[FormatName | None, _Format] = None  # type: ignore[assignment] # the two and one more
    rows: Rows = None

    @property
    def row_form(self) -> RowKind | None:
        """What a row stands for, if that was chosen."""
        return None if self.rows is None else self.rows.value
