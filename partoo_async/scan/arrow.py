"""Outcomes as Arrow tables and Parquet files. The owner of pyarrow, imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from partoo_async._internal.version import install_command
from partoo_async.errors import ConfigurationError
from partoo_async.scan.rows import item_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow

    from partoo_async.scan.outcomes import ScanItem

__all__ = ["joined", "parquet_writer", "record_batch", "schema", "table"]

_BATCH = 10_000


def _pyarrow() -> Any:
    """Return the module. Raises ``ConfigurationError`` if it is not installed."""
    try:
        import pyarrow.parquet  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "pyarrow":
            raise
    else:
        return pyarrow
    raise ConfigurationError(f"pyarrow: expected to be installed for Arrow and Parquet: {install_command('arrow')}")


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


def record_batch(items: Sequence[ScanItem]) -> pyarrow.RecordBatch:
    """Return outcomes as one record batch."""
    return _pyarrow().RecordBatch.from_pylist([item_object(item) for item in items], schema=schema())


def joined(batches: Sequence[pyarrow.RecordBatch]) -> pyarrow.Table:
    """Return any number of batches as one table, without a copy."""
    return _pyarrow().Table.from_batches(batches, schema=schema())


def table(items: Sequence[ScanItem]) -> pyarrow.Table:
    """Return outcomes as a table."""
    # In batches: the strings of one batch must stay below 2 GiB.
    return joined([record_batch(items[start : start + _BATCH]) for start in range(0, len(items), _BATCH)])


def parquet_writer(file: BinaryIO) -> pyarrow.parquet.ParquetWriter:
    """Return a Parquet writer to an open file, which it does not close."""
    # Group ids do not repeat, so a dictionary of them would be a waste. Businesses repeat in the groups of a section.
    repeating = ["section_id", "name", "business_ids.list.element", "error"]
    return _pyarrow().parquet.ParquetWriter(file, schema(), use_dictionary=repeating, compression="zstd")
