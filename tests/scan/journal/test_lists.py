"""The lists of sections in a journal: for how long a scan may do without reading the sections again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from partoo_async import PartooClient, Scan, ScanItem
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal import header
from partoo_async.scan.scope import Scope
from tests.support.common import FAST

HOUR = 3600.0


class _Clock:
    """Stands in for ``datetime`` where the age of lists is judged."""

    now_is = datetime(2026, 3, 1, tzinfo=UTC)
    fromisoformat = staticmethod(datetime.fromisoformat)

    @classmethod
    def now(cls, _zone: Any) -> datetime:
        return cls.now_is


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[_Clock]:
    monkeypatch.setattr(_Clock, "now_is", _Clock.now_is)
    monkeypatch.setattr(header, "datetime", _Clock)
    return _Clock


async def run(emulator: Emulator, path: Path, hold_for: float, most: int = 1000) -> tuple[list[ScanItem], int]:
    """Scan both sections until there are so many outcomes. Return them, and how many sections were read."""
    before = len(emulator.requests)
    items: list[ScanItem] = []
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, rate_limit=None) as client:
        scope = Scope.of_sections([7, 9], None)
        options: dict[str, Any] = {"journal": path, "resume": True, "lists_hold_for": hold_for, "max_concurrency": 1}
        async with Scan(client.session, scope, **options) as scan:
            async for item in scan:
                items.append(item)
                if len(items) == most:
                    break
    sent = emulator.requests[before:]
    return items, sum(1 for seen in sent if seen.route == "/sections/{section_id}")


def emulated() -> Emulator:
    sections = [
        EmulatedSection(
            number, f"S{number}", {number * 10 + n: EmulatedGroup(number * 10 + n, f"G{n}") for n in range(6)}
        )
        for number in (7, 9)
    ]
    return Emulator(sections=sections, rate_limit=None)


async def test_lists_hold_for_as_long_as_asked(tmp_path: Path, clock: type[_Clock]) -> None:
    """Until then the sections are not read again, and every group still comes once; after it they are, and a group that
    is new meanwhile comes too. The time since the lists were read counts, not since the run before."""
    async with emulated() as emulator:
        assert (await run(emulator, tmp_path / "a.db", HOUR, most=5))[1] == 2
        emulator.sections[9].groups[99] = EmulatedGroup(99, "new")
        clock.now_is += timedelta(minutes=40)
        items, reads = await run(emulator, tmp_path / "a.db", HOUR, most=8)
        assert reads == 0
        assert sum(item.recorded for item in items) >= 5
        clock.now_is += timedelta(minutes=19)
        items, reads = await run(emulator, tmp_path / "a.db", HOUR)
        assert reads == 0
        assert sorted(item.group_id or 0 for item in items) == [*range(70, 76), *range(90, 96)]
        clock.now_is += timedelta(minutes=2)
        items, reads = await run(emulator, tmp_path / "a.db", HOUR)
        assert reads == 2
        assert [item.group_id for item in items if not item.recorded] == [99]


@pytest.mark.parametrize(("hold_for", "later"), [(0.0, 0), (HOUR, -1), (HOUR, 3600)])
async def test_lists_do_not_hold(tmp_path: Path, clock: type[_Clock], hold_for: float, later: float) -> None:
    """A scan in one process never does without; nor one whose clock was set back, nor after the time exactly."""
    async with emulated() as emulator:
        await run(emulator, tmp_path / "a.db", HOUR, most=5)
        clock.now_is += timedelta(seconds=later)
        assert (await run(emulator, tmp_path / "a.db", hold_for))[1] == 2


async def test_a_section_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    """There is no list of it; of the other one there is."""
    async with emulated() as emulator:
        section = emulator.sections.pop(9)
        items, _ = await run(emulator, tmp_path / "a.db", HOUR)
        assert sum(item.error is not None for item in items) == 1
        emulator.sections[9] = section
        items, reads = await run(emulator, tmp_path / "a.db", HOUR)
        assert reads == 1
        assert sorted(item.group_id or 0 for item in items) == [*range(70, 76), *range(90, 96)]
