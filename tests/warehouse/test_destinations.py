"""Where to load: what cannot be used is said by the name of the argument, without a password."""

from __future__ import annotations

import builtins
import os
import traceback
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from partoo_async import ConfigurationError
from partoo_async.emulator import Emulator
from partoo_async.nightly.reading import read_everything
from partoo_async.warehouse.load import load
from tests.support.each import each
from tests.support.postgres import PASSWORD
from tests.support.redis_server import free_port
from tests.support.warehouses import Warehouse, truth
from tests.warehouse.conftest import Nightly

pytest.importorskip("dlt", reason="needs the extra dlt")

from partoo_async.warehouse.destinations import target_of


@each(
    ("to", "said"),
    [
        ("", "expected duckdb:///file"),
        ("two words", "name of a dlt destination"),
        ("nosuch", "name of a dlt destination"),
        ("mysql://me:hunter2@here/db", "not a URL with mysql://"),
        ("duckdb://file", "duckdb:///relative.file"),
        ("duckdb:///", "duckdb:////absolute/file"),
        ("duckdb:///:memory:", "duckdb:////absolute/file"),
        ("duckdb:///a.file?threads=1", "takes the name of a file alone"),
        ("sqlite:///a.file?mode=ro", "takes the name of a file alone"),
        ("sqlite:///nowhere/file.db", "there is no directory"),
        ("duckdb:///other.file", "it is no file of duckdb"),
        ("sqlite:///other.file", "it is no file of sqlite"),
        ("sqlite:///folder", "Is a directory"),
        ("postgresql://me:hunter2@here", "a host or a database is missing"),
        ("postgresql://me:hunter2@:5/db", "a host or a database is missing"),
        ("postgresql://me:hunter2@here:port/db", "[Pp]ort"),
        ("postgresql://me:hunter2@[here/db", "it is no URL"),
    ],
)
def test_what_names_no_destination_is_refused(to: str, said: str, tmp_path: Path) -> None:
    """The message says what is expected, and neither it nor what lies behind it has the password."""
    (tmp_path / "other.file").write_text("a file of something else")
    (tmp_path / "folder").mkdir(exist_ok=True)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match=f"^to: .*{said}") as caught:
            target_of(to, "partoo", None)
    finally:
        os.chdir(here)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_password_is_not_in_a_repr() -> None:
    """What stands for a database shows its host and name, however the URL has the password escaped."""
    target = target_of("postgresql://me:hunter%402@here:5/db?sslmode=require", "partoo", None)
    assert target.shown == "postgresql here:5/db"
    assert "hunter" not in repr(target)
    assert str(target.error("wrong: hunter@2\nsecond line")) == "to: postgresql here:5/db: wrong: ***"


async def journal_of(emulator: Emulator, nightly: Nightly) -> Path:
    journal = nightly.journal()
    async with nightly.client() as client:
        await read_everything(client, journal, resume=False)
    return journal


async def test_a_database_that_does_not_answer_is_said(
    emulator: Emulator, tmp_path: Path, postgres_warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is not there and one that refuses the password are errors about ``to``, also in the log."""
    journal = await journal_of(emulator, Nightly(emulator, tmp_path, postgres_warehouse))
    for url, said in (
        (f"postgresql://me:hunter2@127.0.0.1:{free_port()}/db", "Connection refused"),
        (postgres_warehouse.url.replace(PASSWORD, "hunter2"), "password authentication failed"),
    ):
        with pytest.raises(ConfigurationError, match=f"^to: postgresql 127.0.0.1:.*{said}") as caught:
            await load(journal, url, folder=tmp_path / "dlt")
        told = "".join(traceback.format_exception(caught.value)) + caplog.text
        assert "hunter2" not in told


async def test_passwords_are_in_no_file(emulator: Emulator, tmp_path: Path, postgres_warehouse: Warehouse) -> None:
    """Neither dlt's working files nor the journal have the password of the database or the key."""
    nightly = Nightly(emulator, tmp_path, postgres_warehouse)
    await nightly.run()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("trace" in path.name for path in files)
    secrets = (PASSWORD.encode(), emulator.api_key.encode())
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


async def test_a_missing_extra_is_said(
    emulator: Emulator, tmp_path: Path, duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dlt the error says what to install, and for what."""
    journal = await journal_of(emulator, Nightly(emulator, tmp_path, duckdb_warehouse))
    imported = builtins.__import__

    def without_dlt(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "dlt":
            raise ModuleNotFoundError("No module named 'dlt'", name="dlt")
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_dlt)
    with pytest.raises(ConfigurationError, match=r"^dlt: .*to=URL: .*\[dlt\]"):
        await load(journal, duckdb_warehouse.url, folder=tmp_path)


@pytest.mark.skipif(find_spec("snowflake") is not None, reason="it is installed")
async def test_a_missing_driver_is_said(
    emulator: Emulator, tmp_path: Path, duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destination of dlt whose library is not installed says how to get it."""
    journal = await journal_of(emulator, Nightly(emulator, tmp_path, duckdb_warehouse))
    monkeypatch.setenv("DESTINATION__SNOWFLAKE__CREDENTIALS", "snowflake://me:hunter2@here/database")
    with pytest.raises(ConfigurationError, match=r"^to: snowflake: .*pip install 'dlt\[snowflake\]'"):
        await load(journal, "snowflake", folder=tmp_path)


async def test_a_dlt_destination_by_name_is_configured_as_dlt_says(
    emulator: Emulator, tmp_path: Path, duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, which cannot be merged, are replaced as a whole if all of what they have was read, and else stay."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", f"file://{tmp_path}/bucket")
    monkeypatch.setenv("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "true")
    nightly = Nightly(emulator, tmp_path, evolve(duckdb_warehouse, url="filesystem"))

    def lines() -> dict[str, int]:
        files = [*(tmp_path / "bucket" / "partoo").glob("*/*.jsonl")]
        counts = Counter({path.parent.name: 0 for path in files if not path.parent.name.startswith("_dlt")})
        for path in files:
            if path.parent.name in counts:
                counts[path.parent.name] += len(path.read_text().splitlines())
        return dict(counts)

    await nightly.run()
    first = {table: len(rows) for table, rows in truth(emulator).items()}
    assert lines() == first | {"_load_problems": 0}
    emulator.faults.add("status", status=403, match="GET /sections/1/groups/10")
    del emulator.sections[2]
    emulator.sections[3].groups[30].business_ids.append("f")
    await nightly.run()
    assert lines() == first | {"_load_problems": 1, "sections": 2}
    emulator.faults.clear()
    await nightly.run()
    assert lines() == {table: len(rows) for table, rows in truth(emulator).items()} | {"_load_problems": 0}
    for options in ({"history": True}, {"organization": "one"}):
        with pytest.raises(ConfigurationError, match="^to: filesystem: it cannot"):
            await load(tmp_path / "1.journal", "filesystem", folder=tmp_path / "dlt", **options)


async def test_files_are_called_as_one_likes(
    emulator: Emulator, tmp_path: Path, duckdb_warehouse: Warehouse, sqlite_warehouse: Warehouse
) -> None:
    """A DuckDB file may have the name of the dataset: its tables are in ``main`` then. An SQLite file is one file."""
    duckdb = pytest.importorskip("duckdb")
    journal = await journal_of(emulator, Nightly(emulator, tmp_path, duckdb_warehouse))
    await load(journal, f"duckdb:///{tmp_path}/partoo.duckdb", folder=tmp_path / "dlt")
    with duckdb.connect(str(tmp_path / "partoo.duckdb")) as connection:
        found = connection.execute("SELECT section_id, group_id, business_id FROM memberships").fetchall()
    assert sorted(found) == truth(emulator)["memberships"]
    await load(journal, sqlite_warehouse.url, folder=tmp_path / "dlt")
    assert [path.name for path in tmp_path.glob("*.db")] == ["warehouse.db"]
    assert sqlite_warehouse.content() == truth(emulator)
