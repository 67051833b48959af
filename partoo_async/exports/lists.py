"""Lists of plain values, such as all sections, as NDJSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from partoo_async._internal.text import json_line
from partoo_async.errors import ConfigurationError
from partoo_async.exports.csv_rows import plain_cell
from partoo_async.exports.formats import BYTE_ORDER_MARK, Encoder, choose_format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Columns", "list_encoder"]

Columns: TypeAlias = Mapping[str, Callable[[Any], object]]
"""The names of columns, and what of an object is in each."""


def list_encoder(path: Path, chosen: object, delimiter: str | None, columns: Columns) -> Encoder:
    """Return the encoder of objects, for CSV with these columns. Raises ``ConfigurationError``."""
    name = choose_format(path, chosen)
    if name == "parquet":
        raise ConfigurationError("format: expected 'ndjson' or 'csv' for a list, not 'parquet'")
    return _Csv(columns, delimiter or ",") if name == "csv" else _Ndjson()


class _Ndjson(Encoder):
    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        file.write("".join(map(json_line, items)).encode())
        return len(items)


class _Csv(Encoder):
    def __init__(self, columns: Columns, delimiter: str) -> None:
        self._columns, self._delimiter = columns, delimiter

    def begin(self, file: BinaryIO) -> None:
        file.write(BYTE_ORDER_MARK)
        self._write(file, [[*self._columns]])

    def write(self, file: BinaryIO, items: Sequence[Any]) -> int:
        self._write(file, [[plain_cell(of(item), self._delimiter) for of in self._columns.values()] for item in items])
        return len(items)

    def _write(self, file: BinaryIO, rows: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        file.write(text.getvalue().encode())
