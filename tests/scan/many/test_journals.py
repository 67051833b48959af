"""A journal for each organization: what one run recorded the next one does not ask for, and nobody has it open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError, RateLimit, ScanItem
from tests.scan.many.test_many import consume, ids
from tests.support.agency import Agency, assert_nothing_left, scans_of
from tests.support.simulated import journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual


@pytest.fixture(autouse=True)
def _in_virtual_time() -> Iterator[None]:
    with journals_in_virtual_time():
        yield


def sends(agency: Agency) -> int:
    return sum(agency.requests_by_name.values())


def test_a_run_goes_on_where_another_one_stopped(tmp_path: Path) -> None:
    """Every group of every organization once, the recorded ones first and without a request; the directory is made."""
    agency = Agency({f"o{number}": 20 for number in range(6)})
    folder = tmp_path / "made" / "here"

    async def main() -> None:
        taken: list[tuple[str, Any]] = []
        async with aclosing(scans_of(agency, journals=folder, at_once=3, max_concurrency=2)) as items:
            async for name, item in items:
                taken.append((name, item))
                if len(taken) == 50:
                    break
        assert_nothing_left(agency)
        before = sends(agency)
        agency.closed = False
        found = await consume(scans_of(agency, journals=folder, resume=True, at_once=3))
        assert {name: ids(found[name]) for name in found} == {name: list(range(20)) for name in agency.partoos}
        replayed = {(name, item.group_id) for name in found for _, item in found[name] if item.recorded}
        assert replayed >= {(name, item.group_id) for name, item in taken}
        # Each run reads the list and the section of each.
        assert sends(agency) - before == 6 * 2 + 6 * 20 - len(replayed)
        assert_nothing_left(agency)

    run_virtual(main())
    assert sorted(path.name for path in folder.iterdir()) == [f"o{number}.db" for number in range(6)]


def test_leaving_the_loop_records_what_is_in_flight(tmp_path: Path) -> None:
    """As with one scan: responses that are about to arrive are recorded, and the files are closed at once."""
    agency = Agency({"a": 100, "b": 100})

    async def main() -> list[list[ScanItem]]:
        taken = 0
        async for _ in scans_of(agency, journals=tmp_path, max_concurrency=4):
            taken += 1
            if taken == 20:
                break
        await asyncio.sleep(3)
        assert_nothing_left(agency)
        # Only what no scan has open can be read.
        return [await recorded(tmp_path / name) for name in ("a.db", "b.db")]

    outcomes = run_virtual(main())
    read = [sum(key[1] is not None for key in partoo.delivered) for partoo in agency.partoos.values()]
    assert [len(items) for items in outcomes] == read
    assert sum(read) >= 20 + 2 * 4


def test_the_next_run_waits_until_the_journals_are_closed(tmp_path: Path) -> None:
    """A ``break`` closes them in the background: a run that begins at once is not told that they are in use."""
    agencies = [Agency({"a": 20, "b": 20}) for _ in range(4)]  # each closes the transport that it was given

    async def main() -> None:
        for agency in agencies[:3]:
            async for _ in scans_of(agency, journals=tmp_path, resume=True):
                break
        found = await consume(scans_of(agencies[3], journals=tmp_path, resume=True))
        assert {name: ids(found[name]) for name in found} == {"a": list(range(20)), "b": list(range(20))}
        for agency in agencies:
            assert_nothing_left(agency)

    run_virtual(main())


def test_what_a_journal_made_short_is_no_measure_of_the_others(tmp_path: Path) -> None:
    """Ten of twenty organizations are recorded and replayed in no time: the time left is that of the other ten, five at
    a time for four windows each."""
    names = [f"o{number}" for number in range(20)]
    options: dict[str, Any] = {"journals": tmp_path, "resume": True, "at_once": 5, "rate_limit": RateLimit(14, 60.0)}
    run_virtual(consume(scans_of(Agency(dict.fromkeys(names[:10], 50)), **options)))
    told: list[tuple[float, float]] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        agency = Agency(dict.fromkeys(names, 50))
        await consume(scans_of(agency, on_progress=lambda now: told.append((loop.time(), now.eta)), **options))
        return loop.time()

    end = run_virtual(main())
    begin = told[0][0]
    assert 300 < end - begin < 400
    left = [(end - moment, eta) for moment, eta in told if begin + 30 < moment < end - 30]
    assert left
    assert [pair for pair in left if abs(pair[0] - pair[1]) > 30] == []


def test_two_runs_do_not_share_journals(tmp_path: Path) -> None:
    """While one goes on, another one is refused for each organization, and does not wait for it."""
    agency = Agency({"a": 50})

    async def main() -> None:
        async with aclosing(scans_of(agency, journals=tmp_path)) as first:
            await anext(first)
            found = await consume(scans_of(agency, journals=tmp_path, resume=True))
            ((_, error),) = found["a"]
            assert "is in use by another scan" in str(error)

    run_virtual(main())


def test_journals_are_not_overwritten(tmp_path: Path) -> None:
    """Without ``resume`` one that exists is an error before anything is sent, which names the organization."""
    agency = Agency({"a": 3, "b": 3})
    (tmp_path / "b.db").write_bytes(b"something")

    async def main() -> None:
        with pytest.raises(ConfigurationError, match=r"b\.db, that of 'b', exists already; resume=True"):
            await consume(scans_of(agency, journals=tmp_path))
        assert_nothing_left(agency)

    run_virtual(main())
    assert sends(agency) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["b.db"]


def test_a_damaged_journal_ends_its_organization_alone(tmp_path: Path) -> None:
    """With ``resume``: a file that is no journal is that organization's error, and stays as it was."""
    agency = Agency({"a": 3, "b": 3})
    (tmp_path / "b.db").write_bytes(b"something")
    found = run_virtual(consume(scans_of(agency, journals=tmp_path, resume=True)))
    assert ids(found["a"]) == [0, 1, 2]
    ((_, error),) = found["b"]
    assert isinstance(error, ConfigurationError)
    assert "b.db is not a journal" in str(error)
    assert (tmp_path / "b.db").read_bytes() == b"something"


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """Is told before anything is sent."""
    (tmp_path / "file").touch()

    async def main() -> None:
        for folder in (tmp_path / "file", tmp_path / "file" / "below"):
            agency = Agency({"a": 3})
            with pytest.raises(ConfigurationError, match="journals: cannot use the directory"):
                await consume(scans_of(agency, journals=folder))
            assert sends(agency) == 0
            assert_nothing_left(agency)

    run_virtual(main())


def test_recorded_failures_are_kept_if_that_is_asked_for(tmp_path: Path) -> None:
    """``retry_failed`` is that of every scan."""
    agency = Agency({"a": 3})
    agency.partoos["a"].missing = {(7, 1)}

    async def main() -> None:
        await consume(scans_of(agency, journals=tmp_path))
        agency.closed, before = False, sends(agency)
        found = await consume(scans_of(agency, journals=tmp_path, resume=True, retry_failed=False))
        assert [item.recorded for _, item in found["a"]] == [True] * 3
        assert sends(agency) - before == 2

    run_virtual(main())
