"""Scans as files: NDJSON for programs, CSV for spreadsheets, Parquet for analysis (extra ``arrow``).

``writer`` takes outcomes to a file, ``formats`` encodes them, ``csv_rows`` guards what a spreadsheet would run.
"""

# May import the rooms up to ``scan``.

from __future__ import annotations

from partoo_async.exports.csv_rows import RowKind
from partoo_async.exports.formats import Delimiter, Format
from partoo_async.exports.writer import Source, Written, write, write_many

__all__ = ["Delimiter", "Format", "RowKind", "Source", "Written", "write", "write_many"]
