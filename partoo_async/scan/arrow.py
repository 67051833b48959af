"""Outcomes as Arrow tables and Parquet files. The owner of pyarrow, imported on use."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from partoo_async._internal.extras import needs_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow

__all__ = ["joined", "parquet_writer", "record_batch", "schema", "table"]

_BATCH = 10_000


def _pyarrow() -> Any:
    """Return the module. Raises ``ConfigurationError`` if it is not installed."""
    with needs_extra("arrow", "pyarrow", "Arrow and Parquet"):
        import pyarrow.parquet  # noqa: PLC0415 - an extra
    return pyarrow


def schema() -> pyarrow.Schema:
    """Return the columns."""
    # They do not depend on the data, so that files of several scans fit together.
    pa = _pyarrow()
    return pa.schema(
        [
            pa.field("section_id", pa.int64(), nullable=False),
            pa.field("group_id", pa.int64()),
            pa.field("name", pa.string()),
            pa.field("has_puller", pa.bool_()),
            pa.field("business_ids", pa.list_(pa.field("element", pa.string(), nullable=False))),
            pa.field("error", pa.string()),
        ],
        # Marks such files, with a version.
        metadata={"partoo_async.rows": "1"},
    )


def record_batch(rows: Sequence[dict[str, Any]]) -> pyarrow.RecordBatch:
    """Return rows as one record batch."""
    return _pyarrow().RecordBatch.from_pylist(rows, schema=schema())


def joined(batches: Sequence[pyarrow.RecordBatch]) -> pyarrow.Table:
    """Return any number of batches as one table, without a copy."""
    return _pyarrow().Table.from_batches(batches, schema=schema())


def table(rows: Iterable[dict[str, Any]]) -> pyarrow.Table:
    """Return rows as a table."""
    # In batches: the strings of one batch must stay below 2 GiB.
    left = iter(rows)
    return joined([record_batch(batch) for batch in iter(lambda: list(islice(left, _BATCH)), [])])


def parquet_writer(file: BinaryIO) -> pyarrow.parquet.ParquetWriter:
    """Return a Parquet writer to an open file, which it does not close."""
    # Group ids do not repeat, so a dictionary of them would be a waste. Businesses repeat in the groups of a section.
    repeating = ["section_id", "name", "business_ids.list.element", "error"]
    return _pyarrow().parquet.ParquetWriter(file, schema(), use_dictionary=repeating, compression="zstd")
