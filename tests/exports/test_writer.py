"""Exports of scans: what each format holds, where outcomes come from, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
import csv
import inspect
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from attrs import evolve

from partoo_async import (
    APIConnectionError,
    Business,
    BusinessSummary,
    ConfigurationError,
    Group,
    NotFoundError,
    PartooClient,
    ScanError,
    ScanFailure,
    ScanItem,
    ScanReport,
    ScanSuccess,
    exports,
)
from partoo_async._internal.version import install_command
from partoo_async.emulator import Emulator
from tests.support.common import PATIENCE

ROOT = Path(__file__).parents[2]

FRANCE = ScanSuccess(7, 42, Group(42, "France", False, ("b1", "b2")), None, 1, 0.1)
EMPTY = ScanSuccess(7, 43, Group(43, "Île-de-France", True, ()), None, 1, 0.1)
REFUSED = ScanFailure(7, 44, None, APIConnectionError("connection refused", request_sent=False), 5, 0.1)
UNREAD = ScanFailure(9, None, None, NotFoundError(404, detail="no such\nsection"), 1, 0.1)
ITEMS = (FRANCE, EMPTY, REFUSED, UNREAD)


def content(path: Path) -> bytes:
    return path.read_bytes()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def written(path: Path, **options: Any) -> str:
    """The text of a file of the four outcomes, its line ends as they are."""
    result = await exports.write(ITEMS, path, **options)
    assert (result.path, result.groups, result.failed) == (path, 2, 2)
    text = content(path).decode()
    assert result.rows == text.count("\n") - (options.get("format") == "csv" or path.suffix == ".csv")
    return text


async def test_ndjson_has_one_object_a_line(tmp_path: Path) -> None:
    """Every outcome is a JSON object on a line, with the same fields, names readable, nothing lost."""
    assert await written(tmp_path / "a.ndjson") == (
        '{"section_id": 7, "group_id": 42, "name": "France", "has_puller": false, "business_ids": ["b1", "b2"], '
        '"error": null}\n'
        '{"section_id": 7, "group_id": 43, "name": "Île-de-France", "has_puller": true, "business_ids": [], '
        '"error": null}\n'
        '{"section_id": 7, "group_id": 44, "name": null, "has_puller": null, "business_ids": null, '
        '"error": "connection refused (the request was not sent)"}\n'
        '{"section_id": 9, "group_id": null, "name": null, "has_puller": null, "business_ids": null, '
        '"error": "404 Not Found: no such section"}\n'
    )


async def test_csv_has_a_row_for_each_business(tmp_path: Path) -> None:
    """A byte order mark for Excel, a header, CRLF; a group without businesses and a failure have one row each."""
    assert await written(tmp_path / "a.csv") == (
        "\ufeffsection_id,group_id,name,has_puller,business_id,error\r\n"
        "7,42,France,false,b1,\r\n"
        "7,42,France,false,b2,\r\n"
        "7,43,Île-de-France,true,,\r\n"
        "7,44,,,,connection refused (the request was not sent)\r\n"
        "9,,,,,404 Not Found: no such section\r\n"
    )


async def test_csv_can_have_a_row_for_each_group(tmp_path: Path) -> None:
    """rows="group" joins the businesses by semicolons; with another delimiter they stay one cell."""
    expected = (
        "\ufeffsection_id,group_id,name,has_puller,business_ids,error\r\n"
        "7,42,France,false,b1;b2,\r\n"
        "7,43,Île-de-France,true,,\r\n"
        "7,44,,,,connection refused (the request was not sent)\r\n"
        "9,,,,,404 Not Found: no such section\r\n"
    )
    assert await written(tmp_path / "a.csv", rows="group") == expected
    semicolons = expected.replace("b1;b2", '"b1|b2"').replace(",", ";").replace("|", ";")
    assert await written(tmp_path / "a.csv", rows="group", delimiter=";") == semicolons
    assert await written(tmp_path / "a.csv", rows="group", delimiter="\t") == expected.replace(",", "\t")


async def test_parquet_has_a_row_for_each_group(tmp_path: Path) -> None:
    """Businesses are a list, ids are 64-bit integers, and what a failure has not is null."""
    result = await exports.write(ITEMS, tmp_path / "a.parquet")
    assert result == exports.Written(tmp_path / "a.parquet", 2, 4, 2)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.to_pylist()[0] == {
        "section_id": 7,
        "group_id": 42,
        "name": "France",
        "has_puller": False,
        "business_ids": ["b1", "b2"],
        "error": None,
    }
    assert table["business_ids"].to_pylist() == [["b1", "b2"], [], None, None]
    assert table["group_id"].to_pylist() == [42, 43, 44, None]
    assert table["error"].to_pylist()[2:] == [
        "connection refused (the request was not sent)",
        "404 Not Found: no such section",
    ]


NAMED = (
    evolve(
        FRANCE,
        businesses=(BusinessSummary("b1", "Café; =1+1", "007", "open", "Lille"), BusinessSummary("b2", "=2", "", None)),
    ),
    *ITEMS[1:],
)


async def test_csv_names_the_businesses(tmp_path: Path) -> None:
    """What is known of a business stands behind its id. It is foreign text: formulas and numbers are guarded."""
    await exports.write(NAMED, tmp_path / "a.csv", businesses=True)
    assert content(tmp_path / "a.csv").decode() == (
        "\ufeffsection_id,group_id,name,has_puller,business_id,business_name,business_code,business_status,"
        "business_city,error\r\n"
        "7,42,France,false,b1,Café;' =1+1,'007,open,Lille,\r\n"
        "7,42,France,false,b2,'=2,,,,\r\n"
        "7,43,Île-de-France,true,,,,,,\r\n"
        "7,44,,,,,,,,connection refused (the request was not sent)\r\n"
        "9,,,,,,,,,404 Not Found: no such section\r\n"
    )


async def test_csv_names_the_businesses_of_a_group(tmp_path: Path) -> None:
    """Joined like the ids, so that both have as many parts: a semicolon within a name is a comma there."""
    await exports.write(NAMED, tmp_path / "a.csv", rows="group", businesses=True)
    assert content(tmp_path / "a.csv").decode().splitlines()[:3] == [
        "\ufeffsection_id,group_id,name,has_puller,business_ids,business_name,business_code,business_status,"
        "business_city,error",
        "7,42,France,false,b1;b2,\"Café, =1+1;'=2\",'007;,open;,Lille;,",
        "7,43,Île-de-France,true,,,,,,",
    ]


async def test_ndjson_and_parquet_name_the_businesses(tmp_path: Path) -> None:
    """Lists in the order of the ids, null where nothing is known, the same in both; the other fields are as without."""
    for name in ("a.ndjson", "a.parquet"):
        await exports.write(NAMED, tmp_path / name, businesses=True)
    table = pq.read_table(tmp_path / "a.parquet")
    rows = [json.loads(line) for line in content(tmp_path / "a.ndjson").splitlines()]
    assert rows == table.to_pylist() == ScanReport(NAMED, 4, 1.0).to_arrow().to_pylist()
    assert [*rows[0]] == [
        *("section_id", "group_id", "name", "has_puller", "business_ids"),
        *("business_name", "business_code", "business_status", "business_city", "error"),
    ]
    assert [[*row.values()][5:9] for row in rows] == [
        [["Café; =1+1", "=2"], ["007", ""], ["open", None], ["Lille", None]],
        [[], [], [], []],
        [None] * 4,
        [None] * 4,
    ]
    assert [str(field.type) for field in table.schema][5:9] == ["list<element: string>"] * 4


async def test_names_belong_to_their_ids(tmp_path: Path) -> None:
    """By id, and not by place: an id of which nothing is said has no name, and takes no other's."""
    one = evolve(FRANCE, businesses=(BusinessSummary("b2", "Two"),))
    await exports.write([one, FRANCE], tmp_path / "a.ndjson", businesses=True)
    names = [json.loads(line)["business_name"] for line in content(tmp_path / "a.ndjson").splitlines()]
    assert names == [[None, "Two"], [None, None]]


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        (lambda client: client.scan(7), {}, False),
        (lambda client: client.scan(7, businesses=True), {}, True),
        (lambda client: client.scan(7, businesses=True), {"businesses": False}, False),
        (lambda _: ScanReport(ITEMS, 4, 1.0), {}, False),
        (lambda _: ScanReport(NAMED, 4, 1.0), {}, True),
        (lambda _: ScanReport(ITEMS, 4, 1.0, businesses={"b9": Business("b9")}), {}, True),
        (lambda _: ScanReport(NAMED, 4, 1.0), {"businesses": False}, False),
        (lambda _: NAMED, {}, False),
        (lambda _: ITEMS, {"businesses": True}, True),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
async def test_the_source_says_whether_businesses_have_names(
    client: PartooClient, tmp_path: Path, source: Any, options: dict[str, Any], expected: bool, suffix: str
) -> None:
    """A scan or a report with businesses has their columns, an iterable only on demand; the argument overrules."""
    await exports.write(source(client), tmp_path / f"a.{suffix}", **options)
    assert (b"business_city" in content(tmp_path / f"a.{suffix}")) is expected


async def test_a_scan_brings_the_names_of_the_server(emulator: Emulator, client: PartooClient, tmp_path: Path) -> None:
    """Each id has the name, code, status and city that the server has for it, in each format."""
    known = emulator.businesses
    await exports.write(client.scan(7, businesses=True), tmp_path / "a.ndjson")
    report = await client.scan(7, businesses=True).collect()
    lines = [json.loads(line) for line in content(tmp_path / "a.ndjson").splitlines()]
    key = lambda row: row["group_id"]  # noqa: E731 - of both lists
    assert sorted(lines, key=key) == sorted(report.to_arrow().to_pylist(), key=key)
    assert sum(len(row["business_ids"]) for row in lines) > 100
    for row in lines:
        assert row["business_name"] == [known[one].name for one in row["business_ids"]]
        assert row["business_code"] == [known[one].code for one in row["business_ids"]]
        assert row["business_city"] == [known[one].city for one in row["business_ids"]]


@pytest.mark.parametrize("items", [(), (FRANCE,), (UNREAD,), ITEMS], ids=["none", "group", "failure", "both"])
async def test_the_schema_of_parquet_never_changes(tmp_path: Path, items: tuple[ScanItem, ...]) -> None:
    """Columns, types and metadata are the same whatever the data, so that files of many scans read as one."""
    await exports.write(items, tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert [f"{field.name}: {field.type}" for field in schema] == [
        "section_id: int64",
        "group_id: int64",
        "name: string",
        "has_puller: bool",
        "business_ids: list<element: string not null>",
        "error: string",
    ]
    assert [field.name for field in schema if not field.nullable] == ["section_id"]
    assert schema.metadata == {b"partoo_async.rows": b"1"}


async def test_what_repeats_is_stored_once(tmp_path: Path) -> None:
    """Names, businesses and errors are dictionary-encoded, group ids are not; a large file has several row groups."""
    ids = tuple(f"{number:024x}" for number in range(500))
    many = [ScanSuccess(7, number, Group(number, "France", False, ids), None, 1, 0.1) for number in range(2000)]
    await exports.write(many, tmp_path / "a.parquet")
    found = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert 1 < found.num_row_groups < 10
    columns = [found.row_group(0).column(index) for index in range(6)]
    encoded = {column.path_in_schema for column in columns if "RLE_DICTIONARY" in column.encodings}
    assert encoded == {"section_id", "name", "business_ids.list.element", "error"}
    assert (tmp_path / "a.parquet").stat().st_size < 2_500_000  # 24 MB of ids
    await exports.write(NAMED, tmp_path / "named.parquet", businesses=True)
    group = pq.ParquetFile(tmp_path / "named.parquet").metadata.row_group(0)
    lists = [group.column(index) for index in range(group.num_columns) if "list" in group.column(index).path_in_schema]
    assert ["RLE_DICTIONARY" in column.encodings for column in lists] == [True] * 5


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("a.JSONL", {}, b'{"section_id"'),
        ("a.txt", {"format": "ndjson"}, b'{"section_id"'),
        ("a", {"format": "csv"}, b"\xef\xbb\xbfsection_id"),
        ("a.csv", {"format": "parquet"}, b"PAR1"),
        ("a.b.Parquet", {}, b"PAR1"),
    ],
)
async def test_the_suffix_or_format_decides(tmp_path: Path, name: str, options: dict[str, Any], start: bytes) -> None:
    """The suffix says the format, in upper or lower case; format= overrules it and needs none."""
    await exports.write(ITEMS, str(tmp_path / name), **options)
    assert content(tmp_path / name).startswith(start)


async def gives(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


def lazily(*items: Any) -> Iterator[Any]:
    yield from items


@pytest.mark.parametrize(
    "source",
    [ScanReport(ITEMS, 4, 1.0), list(ITEMS), lazily(*ITEMS), gives(*ITEMS)],
    ids=["report", "list", "generator", "async generator"],
)
async def test_sources(tmp_path: Path, source: Any) -> None:
    """A report and any iterable of outcomes, async or not, can be written."""
    result = await exports.write(source, tmp_path / "a.ndjson")
    assert (result.groups, result.rows, result.failed) == (2, 4, 2)


async def test_a_new_scan_is_run_and_closed(emulator: Emulator, client: PartooClient, tmp_path: Path) -> None:
    """A scan that nobody started is run to its end; each failure, the section that is not there too, is a row."""
    scan = client.scan([7, 404])
    result = await exports.write(scan, tmp_path / "a.csv")
    groups = emulator.sections[7].groups
    businesses = sum(len(group.business_ids) for group in groups.values())
    assert result == exports.Written(tmp_path / "a.csv", len(groups), businesses + 1, 1)
    assert "closed" in repr(scan)
    text = content(tmp_path / "a.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == result.rows
    assert {row["business_id"] for row in rows if row["group_id"] == "42"} == set(groups[42].business_ids)
    assert [row["error"] for row in rows if row["section_id"] == "404"] == [
        "404 Not Found for GET /sections/404: Resource not found"
    ]


async def test_a_scan_under_way_goes_on(client: PartooClient, tmp_path: Path) -> None:
    """Of a scan in an `async with`, what the caller has not taken yet is written, and its owner closes it."""
    async with client.scan(7) as scan:
        first = [await anext(scan) for _ in range(4)]
        result = await exports.write(scan, tmp_path / "a.ndjson")
    lines = [json.loads(line) for line in content(tmp_path / "a.ndjson").splitlines()]
    assert result.groups == len(lines) == 20
    assert not {item.group_id for item in first} & {line["group_id"] for line in lines}


async def test_a_scan_that_has_ended_is_refused(client: PartooClient, tmp_path: Path) -> None:
    """An ended scan would make an empty file that looks like a result; so would one that somebody closes meanwhile."""
    scan = client.scan(7)
    await scan.collect()
    with pytest.raises(ConfigurationError, match=r"^source: expected a scan with outcomes left.* after 24 of 24"):
        await exports.write(scan, tmp_path / "a.ndjson")
    scan = client.scan(7)
    async with scan:
        pass
    with pytest.raises(ConfigurationError, match=r"after 0 of 24; make another"):
        await exports.write(scan, tmp_path / "a.ndjson")
    async with client.scan(7) as scan:
        await anext(scan)
        closing = asyncio.create_task(scan.aclose())
        with pytest.raises(ConfigurationError, match=r"after \d+ of 24; make another"):
            await exports.write(scan, tmp_path / "a.ndjson")
        await closing
    assert names(tmp_path) == []


async def test_too_many_failures_leave_no_file(emulator: Emulator, client: PartooClient, tmp_path: Path) -> None:
    """The ScanError of max_failures goes through, with its report; the file that was there stays."""
    path = tmp_path / "a.csv"
    path.write_text("yesterday's")
    with pytest.raises(ScanError) as caught:
        await exports.write(client.scan(7, group_ids=range(1000, 1010), max_failures=2), path)
    assert len(caught.value.report.failed) == 3
    assert content(path) == b"yesterday's"
    assert names(tmp_path) == ["a.csv"]


async def test_lines_are_those_of_the_command(
    emulator: Emulator, client: PartooClient, quick_python: tuple[str, ...], tmp_path: Path
) -> None:
    """`partoo scan --json` prints the very lines that an NDJSON file has."""
    await exports.write(client.scan([7, 404]), tmp_path / "a.ndjson")
    process = await asyncio.create_subprocess_exec(
        *(*quick_python, "-m", "partoo_async", "scan", "7", "404", "--json"),
        cwd=ROOT,
        env=os.environ | {"PARTOO_SERVER": emulator.url, "PARTOO_API_KEY": emulator.api_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert sorted(printed.splitlines()) == sorted(content(tmp_path / "a.ndjson").splitlines()), complaints.decode()


class Uncountable(os.PathLike[bytes]):
    def __fspath__(self) -> bytes:
        return b"a.csv"


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("a.xlsx", {}, r"^path: expected the suffix \.ndjson, \.jsonl, \.csv or \.parquet, or format=, not '\.xlsx'$"),
        ("a", {}, r"^path: expected the suffix .* not a name without one$"),
        ("", {}, r"^path: expected the path of a file, not an empty one$"),
        (3, {}, r"^path: expected the path of a file, not int$"),
        (b"a.csv", {}, r"^path: expected the path of a file, not bytes$"),
        (Uncountable(), {}, r"^path: expected the path of a file, not Uncountable$"),
        ("a\0.csv", {}, r"^path: expected a name that a file can have, not 'a\\x00\.csv'$"),
        ("a\ud800.csv", {}, r"^path: expected a name that a file can have"),
        ("a" * 300 + ".csv", {}, r"^path: cannot write a+\.csv: File name too long$"),
        (".", {"format": "csv"}, r"^path: expected a file, not a directory: \.$"),
        ("missing/a.csv", {}, r"^path: expected a directory that exists, not .*missing; make it$"),
        ("a.csv", {"format": "xml"}, r"^format: expected 'ndjson', 'csv' or 'parquet', not 'xml'$"),
        ("a.csv", {"format": 3}, r"^format: "),
        ("a.csv", {"rows": "both"}, r"^rows: expected 'business' or 'group', not 'both'$"),
        ("a.csv", {"delimiter": "|"}, r"^delimiter: expected ',', ';' or a tab, not '\|'$"),
        ("a.ndjson", {"rows": "group"}, r"^rows: expected with CSV only, not with ndjson$"),
        ("a.parquet", {"delimiter": ";"}, r"^delimiter: expected with CSV only, not with parquet$"),
        ("a.csv", {"businesses": "yes"}, r"^businesses: expected True or False, not str$"),
    ],
)
async def test_bad_arguments(
    emulator: Emulator,
    client: PartooClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: Any,
    options: dict[str, Any],
    message: str,
) -> None:
    """What cannot be right is refused in one sentence, before a request is sent, and leaves the scan unused."""
    monkeypatch.chdir(tmp_path)
    scan = client.scan(7)
    with pytest.raises(ConfigurationError, match=message):
        await exports.write(scan, path, **options)
    assert emulator.requests == ()
    assert names(tmp_path) == []
    assert (await exports.write(scan, "a.csv")).groups == 24


@pytest.mark.parametrize("source", [None, 7, "scan", b"scan", {"a": 1}, ScanItem], ids=repr)
async def test_what_is_no_source(tmp_path: Path, source: Any) -> None:
    """Anything else than outcomes is refused by its type."""
    with pytest.raises(ConfigurationError, match=r"^source: expected a scan, a ScanReport or an iterable of ScanItem"):
        await exports.write(source, tmp_path / "a.csv")
    assert names(tmp_path) == []


async def test_an_iterable_of_something_else(tmp_path: Path) -> None:
    """The first value that is no outcome is named by its place."""
    with pytest.raises(ConfigurationError, match=r"^source: expected ScanItem values; item 1 is Group$"):
        await exports.write([FRANCE, FRANCE.group], tmp_path / "a.csv")  # type: ignore[list-item]
    assert names(tmp_path) == []


async def test_a_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, Parquet and Arrow say what to install; another module that it misses is not hidden."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=re.escape(install_command("arrow")) + "$"):
        await exports.write(ITEMS, tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match=re.escape(install_command("arrow")) + "$"):
        ScanReport(ITEMS, 4, 1.0).to_arrow()
    assert names(tmp_path) == []
    monkeypatch.undo()
    missing = ModuleNotFoundError("No module named 'other'", name="other")
    monkeypatch.setattr("builtins.__import__", refusing(missing, "pyarrow.parquet"))
    with pytest.raises(ModuleNotFoundError, match="other"):
        ScanReport(ITEMS, 4, 1.0).to_arrow()


def refusing(error: Exception, refused: str) -> Any:
    original = __import__

    def imports(name: str, *args: Any, **options: Any) -> Any:
        if name == refused:
            raise error
        return original(name, *args, **options)

    return imports


def test_other_formats_need_no_extra() -> None:
    """Importing the exports loads no pyarrow: NDJSON and CSV come with the package."""
    code = "import sys, partoo_async.exports; print('pyarrow' in sys.modules)"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_the_surface() -> None:
    """The names, the two functions and their result, as users write them."""
    assert exports.__all__ == ["Delimiter", "Format", "RowKind", "Source", "Written", "write", "write_many"]
    for function in (exports.write, exports.write_many):
        parameters = inspect.signature(function).parameters
        assert [*parameters] == ["source", "path", "format", "rows", "delimiter", "businesses"]
        kinds = [parameter.kind.name for parameter in parameters.values()]
        assert kinds == ["POSITIONAL_OR_KEYWORD"] * 2 + ["KEYWORD_ONLY"] * 4
    result = exports.Written(Path("a"), 1, 2, 3)
    with pytest.raises(AttributeError):
        result.rows = 4  # type: ignore[misc]
