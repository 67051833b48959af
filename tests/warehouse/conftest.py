"""An organization that can be read and changed, and databases to load it into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from partoo_async import PartooClient
from partoo_async.emulator import Emulator
from partoo_async.nightly.reading import read_everything
from partoo_async.warehouse.load import load
from tests.support.common import FAST, TLS
from tests.support.warehouses import Warehouse, duckdb_file, postgres_database, small_organization, sqlite_file

_numbers = count()


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> Warehouse:
    return duckdb_file(tmp_path)


@pytest.fixture
def sqlite_warehouse(tmp_path: Path) -> Warehouse:
    return sqlite_file(tmp_path)


@pytest.fixture
def postgres_warehouse(postgres: str) -> Iterator[Warehouse]:
    yield from postgres_database(postgres, f"test{next(_numbers)}")


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    made: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    return made


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(**small_organization()) as emulator:
        yield emulator


class Nightly:
    """Reads an organization and loads it."""

    def __init__(self, emulator: Emulator, folder: Path, warehouse: Warehouse, **options: Any) -> None:
        self.emulator, self.folder, self.warehouse, self.options = emulator, folder, warehouse, options
        self.nights = count(1)

    def journal(self) -> Path:
        return self.folder / f"{next(self.nights)}.journal"

    def client(self, api_key: str = "") -> PartooClient:
        key = api_key or self.emulator.api_key
        return PartooClient(key, server=self.emulator.server, retry=FAST, ssl_context=TLS)

    async def run(self, api_key: str = "", **options: Any) -> dict[str, int]:
        journal = self.journal()
        async with self.client(api_key) as client:
            await read_everything(client, journal, resume=False, strategy="groups", **options)
        return await self.load(journal)

    async def load(self, journal: Path) -> dict[str, int]:
        return await load(journal, self.warehouse.url, folder=self.folder / "dlt", **self.options)
