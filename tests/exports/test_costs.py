"""Rows of many ids are written as a whole: the same bytes, with a fraction of the work."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import Group, ScanSuccess
from partoo_async._internal.text import json_line
from partoo_async.exports import formats
from partoo_async.exports.csv_rows import sheet_rows
from partoo_async.exports.formats import BYTE_ORDER_MARK, CsvEncoder, choose_encoder
from partoo_async.scan.outcomes import item_object
from partoo_async.scan.rows import row_line

IDS = ["5409c35a97bbc54400000000", "540900000000000000000000", "1e5", "007", "=b", "a b", "a,b", 'a"', "a;1e5", "", "é"]
_IDS = st.lists(st.sampled_from(IDS) | st.text(st.characters(codec="utf-8"), max_size=6), max_size=5)
_NAMES = st.sampled_from(["France", "=1", 'say "a"', "a\r\nb", "\x7f\u2028"]) | st.text(st.characters(codec="utf-8"))


def group(ids: list[str], name: str = "France") -> ScanSuccess:
    return ScanSuccess(7, 42, Group(42, name, False, tuple(ids)), None)


@given(ids=_IDS, name=_NAMES, delimiter=st.sampled_from([",", ";", "\t"]))
def test_a_csv_file_is_what_the_csv_module_writes(ids: list[str], name: str, delimiter: Any) -> None:
    """Whatever the ids and the name of a group."""
    encoder = choose_encoder(Path("a.csv"), None, None, delimiter, businesses=False)
    file = io.BytesIO()
    encoder.write(file, [group(ids, name), group(ids[:1], name)])
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    for item in (group(ids, name), group(ids[:1], name)):
        writer.writerows(sheet_rows(item, "business", delimiter))
    assert file.getvalue() == text.getvalue().encode()


@given(ids=_IDS, name=_NAMES)
def test_a_line_of_json_is_what_the_standard_library_writes(ids: list[str], name: str) -> None:
    """To the byte, whatever is in it."""
    row = item_object(group(ids, name))
    assert row_line(row) == json_line(row)
    others = {"a": [None, "b"], "b": 1.5, "c": {"d": [1]}, "e": True, "f": 2**70, "g": ["x", "\x7f"], "h": [], "é": ids}
    assert row_line(others) == json_line(others)


def test_all_rows_of_a_group_are_formatted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two thousand plain ids the csv module sees one row; of ids that are not, each."""
    seen: list[int] = []
    lines = CsvEncoder._lines

    def counted(self: CsvEncoder, rows: Any) -> str:
        seen.append(len(rows))
        return lines(self, rows)

    monkeypatch.setattr(formats.CsvEncoder, "_lines", counted)
    encoder = choose_encoder(Path("a.csv"), None, None, None, businesses=False)
    file = io.BytesIO()
    encoder.begin(file)
    assert encoder.write(file, [group([f"b{number}" for number in range(2000)]), group(["007"] * 3)]) == 2003
    assert seen == [1, 1, 3]
    assert file.getvalue().startswith(BYTE_ORDER_MARK)
    assert file.getvalue().count(b"\r\n") == 2004


def test_ids_are_not_copied_into_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's row has the tuple of its group; one that a user gets has a list."""
    rows: list[dict[str, Any]] = []

    def taken(row: dict[str, Any]) -> str:
        rows.append(row)
        return ""

    monkeypatch.setattr(formats, "row_line", taken)
    item = group(["a", "b"])
    choose_encoder(Path("a.ndjson"), None, None, None, businesses=False).write(io.BytesIO(), [item])
    assert rows[0]["business_ids"] is item.group.business_ids
    assert item_object(item)["business_ids"] == ["a", "b"]
