"""The formats of a file: each takes outcomes in batches and writes them at once, in memory that does not grow."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias

from partoo_async._internal.text import json_line
from partoo_async.errors import ConfigurationError
from partoo_async.exports.csv_rows import header, sheet_rows
from partoo_async.scan import arrow
from partoo_async.scan.rows import item_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from partoo_async.exports.csv_rows import Cell, RowKind
    from partoo_async.scan.outcomes import ScanItem

__all__ = ["Delimiter", "Format", "Writer", "choose_writer"]

Format: TypeAlias = Literal["ndjson", "csv", "parquet"]
"""The format of a file."""

Delimiter: TypeAlias = Literal[",", ";", "\t"]
"""What stands between the cells of a CSV file."""

_SUFFIXES: dict[str, Format] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
_BYTE_ORDER_MARK = "\ufeff".encode()
_ROW_GROUP_BYTES = 16 * 2**20


class Writer(Protocol):
    """Writes outcomes to a file that stays open. All methods but ``abandon`` block."""

    def begin(self, file: BinaryIO) -> None:
        """Write what a file starts with. Raises ``ConfigurationError`` when a library is missing."""
        ...

    def write(self, file: BinaryIO, items: Sequence[ScanItem]) -> int:
        """Write outcomes and return how many rows they made."""
        ...

    def finish(self, file: BinaryIO) -> None:
        """Write what a file ends with."""
        ...

    def abandon(self) -> None:
        """Let go of a file that stays incomplete. Never raises."""
        ...


def choose_writer(path: Path, chosen: object, rows: object, delimiter: object) -> Writer:
    """Return the writer that the arguments of ``write`` ask for. Raises ``ConfigurationError``."""
    name = _choose_format(path, chosen)
    if rows not in (None, "business", "group"):
        raise ConfigurationError(f"rows: expected 'business' or 'group', not {rows!r}")
    if delimiter not in (None, ",", ";", "\t"):
        raise ConfigurationError(f"delimiter: expected ',', ';' or a tab, not {delimiter!r}")
    for argument, value in (("rows", rows), ("delimiter", delimiter)):
        if value is not None and name != "csv":
            raise ConfigurationError(f"{argument}: expected with CSV only, not with {name}")
    if name == "csv":
        return _Csv("group" if rows == "group" else "business", str(delimiter or ","))
    return _Parquet() if name == "parquet" else _Ndjson()


def _choose_format(path: Path, chosen: object) -> Format:
    if chosen is None:
        found = _SUFFIXES.get(path.suffix.lower())
        if found is None:
            *most, last = _SUFFIXES
            shown = repr(path.suffix) if path.suffix else "a name without one"
            raise ConfigurationError(f"path: expected the suffix {', '.join(most)} or {last}, or format=, not {shown}")
        return found
    for name in _SUFFIXES.values():
        if name == chosen:
            return name
    raise ConfigurationError(f"format: expected 'ndjson', 'csv' or 'parquet', not {chosen!r}")


class _Ndjson:
    """One JSON object a line: nothing before the first, nothing after the last."""

    def begin(self, file: BinaryIO) -> None:
        pass

    def write(self, file: BinaryIO, items: Sequence[ScanItem]) -> int:
        file.write("".join(json_line(item_object(item)) for item in items).encode())
        return len(items)

    def finish(self, file: BinaryIO) -> None:
        pass

    def abandon(self) -> None:
        pass


class _Csv:
    """Rows as RFC 4180 has them, behind the mark by which Excel knows UTF-8."""

    def __init__(self, rows: RowKind, delimiter: str) -> None:
        self._rows = rows
        self._delimiter = delimiter

    def _write(self, file: BinaryIO, tables: Iterable[list[tuple[Cell, ...]]]) -> int:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n")
        count = 0
        # One group after the other: within a call of the csv module no other thread gets its turn.
        for table in tables:
            writer.writerows(table)
            count += len(table)
        file.write(text.getvalue().encode())
        return count

    def begin(self, file: BinaryIO) -> None:
        file.write(_BYTE_ORDER_MARK)
        self._write(file, [[header(self._rows)]])

    def write(self, file: BinaryIO, items: Sequence[ScanItem]) -> int:
        return self._write(file, (list(sheet_rows(item, self._rows, self._delimiter)) for item in items))

    def finish(self, file: BinaryIO) -> None:
        pass

    def abandon(self) -> None:
        pass


class _Parquet:
    """Row groups of some megabytes: until there is enough for one, batches wait in Arrow's compact form."""

    def __init__(self) -> None:
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._bytes = 0

    def begin(self, file: BinaryIO) -> None:
        self._writer = arrow.parquet_writer(file)

    def write(self, file: BinaryIO, items: Sequence[ScanItem]) -> int:
        batch = arrow.record_batch(items)
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self._write_row_group()
        return len(items)

    def _write_row_group(self) -> None:
        self._writer.write_table(arrow.joined(self._waiting))
        self._waiting, self._bytes = [], 0

    def finish(self, file: BinaryIO) -> None:
        if self._waiting:
            self._write_row_group()
        self._writer.close()

    def abandon(self) -> None:
        # Left open, it would write the end of its file when it is collected, to a file that is closed by then.
        if self._writer is not None:
            with suppress(Exception):
                self._writer.close()
