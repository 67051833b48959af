"""What was written can be read back equal, by the readers that people use, in memory that does not grow."""

from __future__ import annotations

import asyncio
import csv
import importlib
import io
import json
import re
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from partoo_async import (
    BusinessSummary,
    Group,
    NotFoundError,
    PartooClient,
    PartooError,
    ScanFailure,
    ScanItem,
    ScanReport,
    ScanSuccess,
    exports,
)
from partoo_async.exports import writer
from partoo_async.exports.csv_rows import text_cell
from partoo_async.scan.outcomes import item_object

READERS = ("duckdb", "pandas", "polars")
"""Imported by the tests that need them: it takes half a second, and each worker collects all tests."""

ids = st.integers(0, 2**63 - 1)
# Half surrogates cannot come from the API: no UTF-8 has them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['a,"b"\r\n;c', "=1+1", "'=1+1", "\x00", "\ufeff", "\u2028", "5e10", "", " ", "null", "NaN", "\t"]
)
groups = st.builds(Group, ids, texts, st.booleans(), st.lists(texts, max_size=4).map(tuple))


def outcome(section_id: int, group: Group | None, message: str) -> ScanItem:
    if group is None:
        return ScanFailure(section_id, None, None, PartooError(message), 1, 0.1)
    return ScanSuccess(section_id, group.id, group, None, 1, 0.1)


scans = st.lists(st.builds(outcome, ids, st.none() | groups, texts), max_size=8)


def write(items: list[ScanItem], name: str, **options: Any) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, name)
        result = asyncio.run(exports.write(items, path, **options))
        assert result.groups + result.failed == len(items)
        return path.read_bytes()


def unmarked(cell: str) -> str:
    """The text of a cell, without the apostrophe that a spreadsheet needed."""
    return cell[1:] if cell.startswith("'") and text_cell(cell) != cell else cell


def unmarked_parts(cell: str, delimiter: str) -> str:
    """The same for a cell that a spreadsheet may split at the other separators."""
    others = ",;".replace(delimiter, "")
    return "".join(unmarked(part) for part in re.split(f"([{others}])", cell))


@given(scans)
def test_ndjson_comes_back(items: list[ScanItem]) -> None:
    """json reads every line back as it was, and no character inside a name ends a line, for any reader of lines."""
    text = write(items, "a.ndjson").decode()
    assert [json.loads(line) for line in text.splitlines()] == [item_object(item) for item in items]


@given(scans, st.sampled_from([",", ";", "\t"]))
def test_csv_comes_back(items: list[ScanItem], delimiter: str) -> None:
    """The csv module reads back every group, business and error, whatever is in the names."""
    text = write(items, "a.csv", delimiter=delimiter).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    expected = []
    for item in items:
        row = item_object(item)
        for business in row["business_ids"] or [None]:
            cells = (item.section_id, item.group_id, row["name"], row["has_puller"], business, row["error"])
            expected.append(["" if cell is None else str(cell) for cell in cells])
    found = [[unmarked_parts(cell, delimiter) for cell in row.values()] for row in rows]
    assert [[*row[:3], row[3].capitalize(), *row[4:]] for row in found] == expected


@settings(max_examples=30)
@given(scans)
def test_csv_by_group_comes_back(items: list[ScanItem]) -> None:
    """With a row for each group there are as many rows as outcomes, and the ids are all in their cell: it is split at
    each semicolon, and what comes out is as it was, as in a cell of its own."""
    text = write(items, "a.csv", rows="group").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    # An id with a semicolon in it comes back as two: no id of the API's has one.
    assert [[unmarked(part) for part in row["business_ids"].split(";")] for row in rows] == [
        ";".join(item.group.business_ids).split(";") if item.group else [""] for item in items
    ]


known = st.none() | texts


@st.composite
def named_scans(draw: st.DrawFn) -> list[ScanItem]:
    """Outcomes of a scan that was asked for its businesses. No id has a semicolon."""
    return [item if item.error else named(draw, item) for item in draw(scans)]


def named(draw: st.DrawFn, item: ScanSuccess) -> ScanItem:
    ids = tuple(text.replace(";", "") for text in item.group.business_ids)
    # As from a scan: one business, one name.
    businesses = {one: draw(st.builds(BusinessSummary, st.just(one), known, known, known, known)) for one in ids}
    group = evolve(item.group, business_ids=ids)
    return evolve(item, group=group, businesses=tuple(businesses[one] for one in ids))


NAMES = ("name", "code", "status", "city")


@settings(max_examples=50)
@given(named_scans(), st.sampled_from([",", ";", "\t"]))
def test_csv_names_come_back(items: list[ScanItem], delimiter: str) -> None:
    """With a row for each business its name, code, status and city come back as they were."""
    text = write(items, "a.csv", delimiter=delimiter, businesses=True).decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = [[unmarked_parts(row[f"business_{name}"], delimiter) for name in NAMES] for row in rows]
    expected = [
        [getattr(business, name) or "" for name in NAMES]
        for item in items
        for business in item.businesses or [BusinessSummary("")]
    ]
    assert found == expected


@settings(max_examples=50)
@given(named_scans(), st.sampled_from([",", ";", "\t"]))
def test_csv_names_by_group_are_parallel_to_the_ids(items: list[ScanItem], delimiter: str) -> None:
    """Whatever is in the names, their cell split at each semicolon has as many parts as that of the ids, and each part
    is the name of its id, with commas for its semicolons."""
    text = write(items, "a.csv", rows="group", delimiter=delimiter, businesses=True).decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row, item in zip(rows, items, strict=True):
        for name in NAMES:
            parts = row[f"business_{name}"].split(";")
            assert len(parts) == len(row["business_ids"].split(";"))
            expected = [(getattr(business, name) or "").replace(";", ",") for business in item.businesses]
            assert [unmarked_parts(part, delimiter) for part in parts] == (expected or [""])


@settings(max_examples=30)
@given(named_scans())
def test_named_lines_and_tables_come_back(items: list[ScanItem]) -> None:
    """NDJSON, Parquet, Arrow and both kinds of frames hold the very same lists of names."""
    report = ScanReport(tuple(items), 1, 0.1)
    rows = [item_object(item, businesses=True) for item in items]
    assert [json.loads(line) for line in write(items, "a.ndjson", businesses=True).decode().splitlines()] == rows
    table = pq.read_table(io.BytesIO(write(items, "a.parquet", businesses=True)))
    assert table.to_pylist() == rows
    if any(item.businesses for item in items):
        assert report.to_arrow().equals(table, check_metadata=True)
        assert report.to_polars().to_dicts() == rows
        assert report.to_pandas()["business_name"].tolist() == [row["business_name"] for row in rows]


@given(scans)
def test_parquet_comes_back(items: list[ScanItem]) -> None:
    """pyarrow reads back the very rows, and report.to_arrow() is the same table."""
    table = pq.read_table(io.BytesIO(write(items, "a.parquet")))
    assert table.to_pylist() == [item_object(item) for item in items]
    assert ScanReport(tuple(items), 1, 0.1).to_arrow().equals(table, check_metadata=True)


async def test_a_report_goes_into_data_frames(client: PartooClient) -> None:
    """A report is one line away from pandas, polars and DuckDB."""
    duckdb, pd, pl = (importlib.import_module(name) for name in READERS)
    report = await client.scan([7, 404]).collect()
    table = report.to_arrow()
    businesses = sum(len(item.group.business_ids) for item in report.items if item.group)
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame.explode("business_ids")["business_ids"].count() == businesses
    assert pl.from_arrow(table).explode("business_ids")["business_ids"].count() == businesses  # type: ignore[union-attr]
    counted = duckdb.from_arrow(table).aggregate("count(*), count(error), sum(len(business_ids))")
    assert counted.fetchall() == [(25, 1, businesses)]


async def test_files_go_into_data_frames(tmp_path: Path) -> None:
    """pandas, polars and DuckDB read all three formats, with the types that they should have."""
    duckdb, pd, pl = (importlib.import_module(name) for name in READERS)
    group = Group(2**63 - 1, "Île-de-France", True, ("b1", "b2"))
    failed = ScanFailure(7, 44, None, NotFoundError(404), 1, 0.1)
    source = [ScanSuccess(7, group.id, group, None, 1, 0.1), failed]
    paths = {name: str(tmp_path / f"groups.{name}") for name in ("parquet", "ndjson", "csv")}
    for path in paths.values():
        await exports.write(source, path)
    parquet = pd.read_parquet(paths["parquet"], dtype_backend="pyarrow")
    assert parquet["group_id"].tolist() == [group.id, 44]
    assert parquet["has_puller"].isna().tolist() == [False, True]
    assert pl.read_ndjson(paths["ndjson"])["business_ids"].to_list() == [["b1", "b2"], None]
    assert pd.read_csv(paths["csv"])["business_id"].tolist()[:2] == ["b1", "b2"]
    # More digits than a spreadsheet keeps: a CSV file has such an id as text.
    assert pl.read_csv(paths["csv"])["group_id"].to_list() == [f"'{group.id}", f"'{group.id}", "44"]
    for path in paths.values():
        ((name, error),) = duckdb.sql(f"select any_value(name), any_value(error) from '{path}'").fetchall()
        assert (name, error) == (group.name, "404 Not Found")


def many(count: int) -> Iterator[ScanItem]:
    for number in range(count):
        yield ScanSuccess(7, number, Group(number, f"{number:02000}", False, ("a", "b")), None, 1, 0.1)


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.parquet"])
async def test_memory_stays_flat(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many groups need no more memory, but for what the collector leaves: they are written in batches."""
    monkeypatch.setattr(writer, "_BATCH_CELLS", 100)
    await exports.write(many(10), tmp_path / name)  # what is imported or cached once does not count
    peaks = []
    for count in (100, 1000):
        tracemalloc.start()
        try:
            result = await exports.write(many(count), tmp_path / name)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert result.groups == count
    assert peaks[1] - peaks[0] < 900 * 2000 / 4, peaks  # a quarter of the names that are more
