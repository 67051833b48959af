"""Outcomes as data frames. The owner of pandas and polars, imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partoo_async._internal.extras import needs_extra
from partoo_async.scan.rows import BUSINESS_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas
    import polars

__all__ = ["pandas_frame", "polars_frame"]


def pandas_frame(rows: Sequence[dict[str, Any]], *, businesses: bool) -> pandas.DataFrame:
    """Return rows as a frame of pandas."""
    with needs_extra("pandas", "pandas", "to_pandas()"):
        import pandas as pd  # noqa: PLC0415 - an extra
    # They do not depend on the data, so that frames of several scans fit together; a group's id is never a float.
    kinds = {
        "section_id": "int64",
        "group_id": "Int64",
        "name": "string",
        "has_puller": "boolean",
        "business_ids": "object",
        **(dict.fromkeys(BUSINESS_COLUMNS, "object") if businesses else {}),
        "error": "string",
    }
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in kinds.items()})


def polars_frame(rows: Sequence[dict[str, Any]], *, businesses: bool) -> polars.DataFrame:
    """Return rows as a frame of polars."""
    with needs_extra("polars", "polars", "to_polars()"):
        import polars as pl  # noqa: PLC0415 - an extra
    kinds = {
        "section_id": pl.Int64,
        "group_id": pl.Int64,
        "name": pl.String,
        "has_puller": pl.Boolean,
        "business_ids": pl.List(pl.String),
        **(dict.fromkeys(BUSINESS_COLUMNS, pl.List(pl.String)) if businesses else {}),
        "error": pl.String,
    }
    return pl.DataFrame(rows, schema=kinds, orient="row")
