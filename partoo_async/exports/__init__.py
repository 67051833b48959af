"""Exports of scans to files: NDJSON for programs, CSV for spreadsheets, Parquet for analysis (extra ``arrow``)."""

from __future__ import annotations

from partoo_async.exports.csv_rows import RowKind
from partoo_async.exports.formats import Delimiter, Format
from partoo_async.exports.writer import Source, Written, write

__all__ = ["Delimiter", "Format", "RowKind", "Source", "Written", "write"]
