"""Exports of scans to files: NDJSON for programs, CSV for spreadsheets, Parquet for analysis (extra ``arrow``)."""

from __future__ import annotations

from partoo_async.exports.export import Source, Written, write
from partoo_async.exports.formats import Delimiter, Format
from partoo_async.exports.sheet import RowKind

__all__ = ["Delimiter", "Format", "RowKind", "Source", "Written", "write"]
