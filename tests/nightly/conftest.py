"""Nights against an emulator: each is a run of the nightly job, into one state directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from partoo_async import PartooClient, SyncResult, sync
from partoo_async.emulator import Emulator
from partoo_async.scan.journal.reader import open_reader
from tests.support.common import FAST, TLS

Row = tuple[int, int, frozenset[str]]


async def groups_in(journal: Path) -> dict[tuple[int, int], frozenset[str]]:
    """The businesses of each group that a journal has."""
    async with open_reader(journal) as reader:
        items = [item async for item in reader.items()]
    return {(item.section_id, item.group.id): frozenset(item.group.business_ids) for item in items if item.group}


def truth(emulator: Emulator) -> dict[tuple[int, int], frozenset[str]]:
    """The businesses of each group that there is."""
    return {
        (section.id, group.id): frozenset(group.business_ids)
        for section in emulator.sections.values()
        for group in section.groups.values()
    }


@define
class Warehouse:
    """Stands in for a database: keeps what was loaded, and fails on demand."""

    loads: list[Path] = field(factory=list)
    groups: dict[tuple[int, int], frozenset[str]] = field(factory=dict)
    failure: Exception | None = None

    async def load(self, journal: Path, to: str, *, folder: Path, **_: Any) -> dict[str, int]:
        assert to == "warehouse"
        assert folder.name == "loading"
        if self.failure is not None:
            raise self.failure
        self.loads.append(journal)
        self.groups |= await groups_in(journal)
        return {"groups": len(self.groups)}


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    made = Warehouse()
    monkeypatch.setattr("partoo_async.warehouse.load.load", made.load)
    monkeypatch.setattr("partoo_async.nightly.options._try_target", lambda *_: None)
    return made


@define
class Nights:
    """Runs one after the other."""

    client: PartooClient
    emulator: Emulator
    state: Path
    asked: int = 0  # requests of the last run

    async def run(self, **options: Any) -> SyncResult:
        before = len(self.emulator.requests)
        try:
            return await sync(self.client, self.state, **options)
        finally:
            self.asked = len(self.emulator.requests) - before

    @property
    def files(self) -> list[str]:
        """What is in the directory, less the files of a load."""
        found = (path.relative_to(self.state) for path in self.state.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if path.parts[0] != "loading")

    @property
    def archive(self) -> list[Path]:
        return sorted((self.state / "archive").iterdir())


@pytest.fixture
async def nights(tmp_path: Path) -> AsyncIterator[Nights]:
    async with Emulator(rate_limit=None) as emulator:
        options: dict[str, Any] = {"rate_limit": None, "retry": FAST, "ssl_context": TLS}
        async with PartooClient(emulator.api_key, server=emulator.server, **options) as client:
            yield Nights(client, emulator, tmp_path / "state")
