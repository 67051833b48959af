"""`--dask`: scans whose requests are sent by the workers of a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partoo_async.distributed import cluster
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result
from tests.support.dask import LocalCluster

Partoo = Callable[..., Result]


@pytest.fixture
def dask() -> Iterator[str]:
    """The address of a scheduler with two workers, in threads of this process."""
    options: dict[str, Any] = {
        "processes": False,
        "protocol": "tcp://",
        "dashboard_address": "127.0.0.1:0",
        "silence_logs": 50,
    }
    with LocalCluster(n_workers=2, threads_per_worker=4, **options) as local:
        yield local.scheduler_address


@pytest.fixture
def organization(serve: Callable[..., Emulator]) -> Emulator:
    """Sections 1 to 9, with ten groups each."""
    sections = [
        EmulatedSection(n, f"S{n}", {one: EmulatedGroup(one, f"G{one}") for one in range(n * 10, n * 10 + 10)})
        for n in range(1, 10)
    ]
    return serve(sections=sections, rate_limit=None)


def test_a_scan_with_a_journal(partoo: Partoo, dask: str, organization: Emulator, tmp_path: Path) -> None:
    """Prints, counts and records as any other scan; one that resumes asks for nothing."""
    words = ("scan", "--all", "--dask", dask, "--journal", tmp_path / "scan.db", "--json")
    result = partoo(*words)
    assert result.code == 0, result.err
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert sorted(row["group_id"] for row in rows) == [*range(10, 100)]
    assert "90 groups, 0 businesses, 0 failures, 100 requests" in result.err
    before = len(organization.requests)
    again = partoo(*words, "--resume")
    assert again.code == 0
    assert len(again.out.splitlines()) == 90
    assert "90 groups (90 recorded before)" in again.err
    assert [seen.route for seen in organization.requests[before:]] == ["/sections"]


def test_some_sections_and_some_groups(partoo: Partoo, dask: str, organization: Emulator) -> None:
    """What is not there is a failure, and the exit code says so."""
    result = partoo("scan", 1, 2, 404, "--dask", dask, "--max-concurrency", 5)
    assert result.code == 1
    assert "20 groups, 0 businesses, 1 failure, 23 requests" in result.err
    result = partoo("scan", 3, "--group", 30, "--group", 31, "--dask", dask)
    assert result.code == 0
    assert [line.split()[:2] for line in result.out.splitlines()[2:]] == [["3", "30"], ["3", "31"]]


def test_many_organizations(partoo: Partoo, dask: str, organization: Emulator, tmp_path: Path) -> None:
    """The same file of organizations as without it."""
    file = tmp_path / "organizations.toml"
    file.write_text(
        '[a]\nkey_env = "PARTOO_API_KEY"\nsections = [1]\n[b]\nkey_env = "PARTOO_API_KEY"\nsections = [2]\n'
    )
    file.chmod(0o600)
    result = partoo("scan-many", file, "--dask", dask, "--journals", tmp_path / "journals")
    assert result.code == 0, result.err
    assert [line.split()[:3] for line in result.out.splitlines()[2:]] == [["a", "10", "0"], ["b", "10", "0"]]
    assert sorted(path.name for path in (tmp_path / "journals").iterdir()) == ["a.db", "b.db"]


@pytest.mark.usefixtures("organization")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--all", "--strategy", "auto"), "partoo: error: --dask: goes with --strategy groups only"),
        (("--all", "--with-businesses"), "partoo: error: --dask: does not go with --with-businesses"),
    ],
)
def test_what_does_not_go_with_it(partoo: Partoo, words: tuple[str, ...], problem: str) -> None:
    """Is refused before anything is connected to."""
    result = partoo("scan", *words, "--dask", "tcp://127.0.0.1:1")
    assert (result.code, result.err.strip()) == (2, problem)


@pytest.mark.usefixtures("organization")
def test_no_scheduler_is_one_line(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the exit code of a wrong option."""
    monkeypatch.setattr(cluster, "_CONNECT", 0.1)
    result = partoo("scan", "--all", "--dask", "tcp://127.0.0.1:1")
    assert result.code == 2
    assert result.err.startswith("partoo: error: --dask: cannot connect to tcp://127.0.0.1:1: ")
    assert len(result.err.splitlines()) == 1
