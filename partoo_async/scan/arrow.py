"""Outcomes as Arrow tables and Parquet files. The owner of pyarrow, imported on use."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from partoo_async._internal.extras import needs_extra
from partoo_async.scan.rows import BUSINESS_COLUMNS

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


def schema(*, businesses: bool, organizations: bool = False) -> pyarrow.Schema:
    """Return the columns, with those of ``businesses`` and the one of ``organizations`` or without."""
    # They do not depend on the data, so that files of several scans fit together.
    pa = _pyarrow()
    # A business that could not be found has no name.
    names = pa.list_(pa.field("element", pa.string()))
    return pa.schema(
        [
            *([pa.field("organization", pa.string(), nullable=False)] if organizations else ()),
            pa.field("section_id", pa.int64(), nullable=organizations),  # an organization may fail as a whole
            pa.field("group_id", pa.int64()),
            pa.field("name", pa.string()),
            pa.field("has_puller", pa.bool_()),
            pa.field("business_ids", pa.list_(pa.field("element", pa.string(), nullable=False))),
            *(pa.field(name, names) for name in BUSINESS_COLUMNS if businesses),
            pa.field("error", pa.string()),
        ],
        # Marks such files, with a version.
        metadata={"partoo_async.rows": "1"},
    )


def record_batch(rows: Sequence[dict[str, Any]], columns: pyarrow.Schema) -> pyarrow.RecordBatch:
    """Return rows as one record batch."""
    return _pyarrow().RecordBatch.from_pylist(rows, schema=columns)


def joined(batches: Sequence[pyarrow.RecordBatch], columns: pyarrow.Schema) -> pyarrow.Table:
    """Return any number of batches as one table, without a copy."""
    return _pyarrow().Table.from_batches(batches, schema=columns)


def table(rows: Iterable[dict[str, Any]], *, businesses: bool) -> pyarrow.Table:
    """Return rows as a table."""
    # In batches: the strings of one batch must stay below 2 GiB.
    left, columns = iter(rows), schema(businesses=businesses)
    batches = iter(lambda: list(islice(left, _BATCH)), [])
    return joined([record_batch(batch, columns) for batch in batches], columns)


def parquet_writer(file: BinaryIO, columns: pyarrow.Schema) -> pyarrow.parquet.ParquetWriter:
    """Return a Parquet writer to an open file, which it does not close."""
    # Group ids do not repeat, so a dictionary of them would be a waste. Businesses repeat in the groups of a section.
    lists = {"business_ids", *BUSINESS_COLUMNS}
    repeating = [f"{name}.list.element" if name in lists else name for name in columns.names]
    repeating = [name for name in repeating if name not in ("group_id", "has_puller")]
    return _pyarrow().parquet.ParquetWriter(file, columns, use_dictionary=repeating, compression="zstd")
