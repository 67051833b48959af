"""Lists of plain values, such as all sections, as NDJSON or CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async.errors import ConfigurationError
from partoo_async.exports.csv_rows import plain_cell
from partoo_async.exports.formats import CsvEncoder, Encoder, NdjsonEncoder, choose_format

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Columns", "list_encoder"]

Columns: TypeAlias = Mapping[str, Callable[[Any], object]]
"""The names of columns, and what of an object is in each."""


def list_encoder(path: Path, chosen: object, delimiter: str | None, columns: Columns) -> Encoder:
    """Return the encoder of dicts, for CSV with these columns. Raises ``ConfigurationError``."""
    name = choose_format(path, chosen)
    if name == "parquet":
        raise ConfigurationError("format: expected 'ndjson' or 'csv' for a list, not 'parquet'")
    if name == "ndjson":
        return NdjsonEncoder(lambda one: one)
    mark = delimiter or ","
    return CsvEncoder([*columns], lambda one: [[plain_cell(of(one), mark) for of in columns.values()]], mark)
