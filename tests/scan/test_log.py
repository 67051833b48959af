"""What a scan logs when it ends: one INFO line of ``partoo_async.scan``, complete or not."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from partoo_async import PartooClient, ScanError
from partoo_async.testing import MockResponse, MockTransport
from tests.support.simulated import SERVER, Partoo, client_of, journals_in_virtual_time
from tests.support.stormy import Stormy
from tests.support.virtual import run_virtual


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "partoo_async.scan")


def ends(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that tell of an end, without the seconds."""
    lines = [record for record in caplog.records if "complete" in record.message]
    assert {(record.name, record.levelno) for record in lines} <= {("partoo_async.scan", logging.INFO)}
    return [record.message.rpartition(", ")[0] for record in lines]


def test_a_complete_scan_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """With groups, failures, requests and seconds; closing it again logs nothing."""

    async def main() -> None:
        async with client_of(Partoo({1: [11, 12], 2: [21]}, late=0.0)) as client:
            scan = client.scan([1, 2])
            await scan.collect()
            await scan.aclose()

    run_virtual(main())
    assert ends(caplog) == ["scan: complete; 3 of 3 outcomes, 0 failed, requests: 5"]
    assert caplog.records[-1].message.endswith(", 0.0 s")


def test_a_scan_that_finds_nothing_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An empty section, and a scan that goes on where nothing is left: the journal had it all."""
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(Partoo({1: [11, 12], 2: []}, late=0.0)) as client:
            await client.scan(2).collect()
            await client.scan(1, group_ids=[11, 12], journal=path).collect()
            await client.scan(1, group_ids=[11, 12], journal=path, resume=True).collect()

    with journals_in_virtual_time():
        run_virtual(main())
    assert ends(caplog) == [
        "scan: complete, there was nothing to scan: no groups in 1 section; 0 of 0 outcomes, 0 failed, requests: 1",
        "scan: complete; 2 of 2 outcomes, 0 failed, requests: 2",
        "scan: complete; 2 of 2 outcomes (2 replayed from the journal), 0 failed, requests: 0",
    ]


def test_a_resumed_scan_says_that_deleted_groups_are_yielded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Those that the journal has; without any that are gone it does not say so."""
    partoo = Partoo({1: [11, 12]}, late=0.0)

    async def main() -> None:
        async with client_of(partoo) as client:
            await client.scan(1, journal=tmp_path / "scan.db").collect()
            await client.scan(1, journal=tmp_path / "scan.db", resume=True).collect()
            partoo.sections[1].remove(12)
            await client.scan(1, journal=tmp_path / "scan.db", resume=True).collect()

    with journals_in_virtual_time():
        run_virtual(main())
    begun = [record.message for record in caplog.records if "since the run before" in record.message]
    assert [line.rpartition(": ")[2] for line in begun] == [
        "0 groups added, 0 deleted",
        "0 groups added, 1 deleted (yielded if recorded)",
    ]
    assert ends(caplog)[-1].startswith("scan: complete; 2 of 2 outcomes (2 replayed from the journal)")


def test_a_key_without_sections_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Not as a number of sections without groups."""

    async def main() -> None:
        page = MockResponse(json={"sections": [], "count": 0, "page": 1, "max_page": 1})
        async with PartooClient("key", server=SERVER, transport=MockTransport(lambda _: page)) as client:
            await client.scan_all().collect()

    run_virtual(main())
    assert ends(caplog) == [
        "scan: complete, there was nothing to scan: no sections; 0 of 0 outcomes, 0 failed, requests: 1"
    ]


def test_an_unreadable_section_is_not_counted_as_a_group(caplog: pytest.LogCaptureFixture) -> None:
    """It is an outcome, as each group is one."""

    async def main() -> None:
        partoo = Partoo({1: [11, 12], 2: [21]}, late=0.0)
        partoo.missing.add((2, None))
        async with client_of(partoo) as client:
            await client.scan([1, 2]).collect()

    run_virtual(main())
    assert ends(caplog) == ["scan: complete; 3 of 3 outcomes, 1 failed, requests: 4"]


def test_a_scan_that_ends_early_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """Closed, left by an error or a cancellation, or ended by an outage, while it reads its sections or its groups."""

    async def main() -> None:
        async with client_of(Partoo({1: list(range(9))}, late=1.0)) as client:
            async with client.scan(1) as scan:
                await anext(scan)
            with pytest.raises(KeyError):
                async with client.scan(1):
                    raise KeyError("secret")
            cancelled = asyncio.create_task(client.scan(1).collect())
            await asyncio.sleep(0.01)
            cancelled.cancel()
            await asyncio.wait([cancelled])
        async with client_of(Stormy({7: list(range(9))}, "503", (2.0, 1e6), late=1.0)) as client:
            with pytest.raises(ScanError):
                await client.scan(7, max_outage=30.0).collect()

    run_virtual(main())
    closed, left, cancelled, outage = ends(caplog)
    assert closed.startswith("scan: not complete: it was closed; 1 of 9 outcomes")
    assert left.startswith("scan: not complete: KeyError was raised; 0 of 9 outcomes")
    assert cancelled.startswith("scan: not complete: CancelledError was raised; 0 of 0 outcomes")
    assert outage.startswith("scan: not complete: ")
    assert "30 s" in outage
