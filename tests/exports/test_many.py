"""Outcomes of many organizations in one file, with the name of the organization in front."""

from __future__ import annotations

import asyncio
import csv
import json
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from partoo_async import ConfigurationError, Group, PartooError, ScanFailure, ScanSuccess, exports
from tests.support.each import each

BAD = ScanFailure(7, 2, None, PartooError("no"))
OUTCOMES = [
    ("acme", ScanSuccess(7, 1, Group(1, "G", False, ("a", "b")))),
    ("acme", BAD),
    ("=2+3", ScanSuccess(8, 3, Group(3, "H", True, ()))),
    ("gone", PartooError("401")),
]


async def given(outcomes: list[Any]) -> AsyncGenerator[Any, None]:
    for outcome in outcomes:
        yield outcome


async def test_a_row_has_the_name_of_its_organization(tmp_path: Path) -> None:
    """First, in each format; and one that failed as a whole is a row of its name and its error."""
    objects = []
    for suffix in ("ndjson", "parquet"):
        path = tmp_path / f"all.{suffix}"
        written = await exports.write_many(given(OUTCOMES), path)
        assert (written.groups, written.rows, written.failed) == (2, 4, 2)
        found = path.read_text().splitlines() if suffix == "ndjson" else pyarrow.parquet.read_table(path).to_pylist()
        objects.append([json.loads(row) if isinstance(row, str) else row for row in found])
    assert objects[0] == objects[1]
    assert [row["organization"] for row in objects[0]] == ["acme", "acme", "=2+3", "gone"]
    columns = ["organization", "section_id", "group_id", "name", "has_puller", "business_ids", "error"]
    assert all(list(row) == columns for row in objects[0])
    assert [*objects[0][3].values()] == ["gone", None, None, None, None, None, "401"]


@pytest.mark.parametrize("businesses", [False, True])
async def test_a_spreadsheet_runs_no_name(tmp_path: Path, businesses: bool) -> None:
    """Names are guarded as all texts are, and every row has a cell for each column."""
    path = tmp_path / "all.csv"
    await exports.write_many(given(OUTCOMES), path, rows="business", delimiter=";", businesses=businesses)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows[0][:3] == ["organization", "section_id", "group_id"]
    assert [row[0] for row in rows[1:]] == ["acme", "acme", "acme", "'=2+3", "gone"]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[-1] == ["gone", *[""] * (len(rows[0]) - 2), "401"]


@each("wrong", [BAD, ("acme",), ("acme", 5), "acme"])
def test_what_is_no_outcome_is_refused(wrong: Any) -> None:
    """With its number; nothing of the file remains."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.ndjson"
        with pytest.raises(ConfigurationError, match="item 1 is something else"):
            asyncio.run(_written([OUTCOMES[0], wrong], path))
        assert [*Path(folder).iterdir()] == []


async def _written(outcomes: list[Any], path: Path) -> None:
    await exports.write_many(given(outcomes), path)


async def test_a_list_is_refused(tmp_path: Path) -> None:
    """Only what has to be iterated by ``async for`` is what ``scan_many`` returned."""
    with pytest.raises(ConfigurationError, match=r"source: expected what scan_many\(\) returned, not list"):
        await exports.write_many(OUTCOMES, tmp_path / "all.csv")  # type: ignore[arg-type]


async def test_a_file_that_cannot_be_written_closes_the_scans(tmp_path: Path) -> None:
    """The iterator is closed, and does not stand still with its connections open."""
    closed = False

    async def endless() -> AsyncGenerator[Any, None]:
        nonlocal closed
        try:
            while True:
                yield 5
        finally:
            closed = True

    with pytest.raises(ConfigurationError):
        await exports.write_many(endless(), tmp_path / "all.csv")
    assert closed
