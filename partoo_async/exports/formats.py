"""How outcomes become bytes in each format, batch by batch."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from partoo_async.errors import ConfigurationError
from partoo_async.exports.csv_rows import alike, header, many_alike, many_rows, sheet_rows
from partoo_async.scan import arrow
from partoo_async.scan.many.rows import many_object
from partoo_async.scan.outcomes import item_object
from partoo_async.scan.rows import row_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from partoo_async.exports.csv_rows import Alike, Cell, RowKind

__all__ = [
    "BYTE_ORDER_MARK",
    "CsvEncoder",
    "Delimiter",
    "Encoder",
    "Format",
    "NdjsonEncoder",
    "choose_encoder",
    "choose_format",
]

Format: TypeAlias = Literal["ndjson", "csv", "parquet"]
"""The format of a file."""

Delimiter: TypeAlias = Literal[",", ";", "\t"]
"""What stands between the cells of a CSV file."""

_SUFFIXES: dict[str, Format] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
BYTE_ORDER_MARK: bytes = "\ufeff".encode()
_ROW_GROUP_BYTES = 16 * 2**20


class Encoder:
    """Encodes outcomes into an open file: items, or with ``organizations`` the pairs that ``scan_many`` yields.

    All methods but ``abandon`` block.
    """

    def begin(self, file: BinaryIO) -> None:
        """Write what a file starts with."""

    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        """Write outcomes and return how many rows they made."""
        raise NotImplementedError

    def finish(self, file: BinaryIO) -> None:
        """Write what a file ends with."""

    def abandon(self) -> None:
        """Let go of an incomplete file. Never raises."""


def choose_encoder(path: Path, chosen: object, rows: object, delimiter: object, **columns: bool) -> Encoder:
    """Return the encoder for the arguments of ``write``, or raise ``ConfigurationError``.

    ``columns``: whether there are those of ``businesses``, and that of ``organizations``.
    """
    name = choose_format(path, chosen)
    if rows not in (None, "business", "group"):
        raise ConfigurationError(f"rows: expected 'business' or 'group', not {rows!r}")
    if delimiter not in (None, ",", ";", "\t"):
        raise ConfigurationError(f"delimiter: expected ',', ';' or a tab, not {delimiter!r}")
    for argument, value in (("rows", rows), ("delimiter", delimiter)):
        if value is not None and name != "csv":
            raise ConfigurationError(f"{argument}: expected with CSV only, not with {name}")
    if name == "csv":
        return _csv("group" if rows == "group" else "business", str(delimiter or ","), **columns)
    return _Parquet(**columns) if name == "parquet" else NdjsonEncoder(_objects(**columns))


def choose_format(path: Path, chosen: object) -> Format:
    """Return the format that was chosen, else that of the file's suffix, or raise ``ConfigurationError``."""
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


def _objects(*, businesses: bool, organizations: bool = False) -> Callable[[Any], dict[str, Any]]:
    # A tuple of ids is written as well as a list, and need not be copied.
    return partial(many_object if organizations else item_object, businesses=businesses, sequence=tuple)


def _csv(rows: RowKind, delimiter: str, *, businesses: bool, organizations: bool = False) -> Encoder:
    make: Any = many_rows if organizations else sheet_rows
    rows_of = partial(make, rows=rows, delimiter=delimiter, businesses=businesses)
    names = (*(["organization"] if organizations else ()), *header(rows, businesses=businesses))
    one_for_each = rows == "business" and not businesses
    return CsvEncoder(names, rows_of, delimiter, (many_alike if organizations else alike) if one_for_each else None)


class NdjsonEncoder(Encoder):
    """Writes each item as the JSON object that ``to_object`` makes of it."""

    def __init__(self, to_object: Callable[[Any], dict[str, Any]]) -> None:
        self._object = to_object

    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        """Write a line for each."""
        file.writelines(row_line(self._object(item)).encode() for item in items)
        return len(items)


class CsvEncoder(Encoder):
    """Writes the rows that ``rows_of`` makes of each item, below a header. ``alike`` makes them in short, if it can."""

    def __init__(
        self,
        header: Sequence[str],
        rows_of: Callable[[Any], Iterable[Sequence[Cell]]],
        delimiter: str,
        alike: Callable[[Any, str], Alike | None] | None = None,
    ) -> None:
        self._header = header
        self._rows_of = rows_of
        self._delimiter = delimiter
        self._alike = alike

    def begin(self, file: BinaryIO) -> None:
        """Write the header."""
        file.write(BYTE_ORDER_MARK)  # by which Excel knows UTF-8
        file.write(self._lines([self._header]).encode())

    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        """Write the rows of each."""
        parts: list[str] = []
        count = 0
        # One item after the other: a call of the csv module lets no other thread run.
        for item in items:
            alike = None if self._alike is None else self._alike(item, self._delimiter)
            if alike is None:
                rows = list(self._rows_of(item))
                parts.append(self._lines(rows))
                count += len(rows)
            else:
                # No cell after the first ones needs quotes, so that the lines need not be made one by one.
                start, end = self._lines([(*alike.start, "")]).removesuffix("\r\n"), f"{self._delimiter}\r\n"
                parts += start, f"{end}{start}".join(alike.ids), end
                count += len(alike.ids)
        file.writelines(part.encode() for part in parts)
        return count

    def _lines(self, rows: Iterable[Sequence[Cell]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        return text.getvalue()


class _Parquet(Encoder):
    def __init__(self, *, businesses: bool, organizations: bool = False) -> None:
        self._object = _objects(businesses=businesses, organizations=organizations)
        self._of = {"businesses": businesses, "organizations": organizations}
        self._columns: Any = None
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._bytes = 0

    def begin(self, file: BinaryIO) -> None:
        self._columns = arrow.schema(**self._of)
        self._writer = arrow.parquet_writer(file, self._columns)

    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        batch = arrow.record_batch([self._object(item) for item in items], self._columns)
        # Until there is enough for a row group, batches wait in Arrow's compact form.
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self._write_row_group()
        return len(items)

    def _write_row_group(self) -> None:
        self._writer.write_table(arrow.joined(self._waiting, self._columns))
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
