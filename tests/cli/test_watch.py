"""What a watch prints and hands on, what it survives, and how it stops: in this process and in one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from partoo_async import FileQuota, PartooClient, RateLimit, RetryPolicy
from partoo_async.cli.watch_output import Rounds
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.errors import PartooError
from partoo_async.nightly.options import SyncOptions
from partoo_async.nightly.run import NotDeliveredError
from tests.cli.conftest import Result
from tests.support.common import PATIENCE

Partoo = Callable[..., Result]
Serve = Callable[..., Emulator]
Spawn = Callable[..., subprocess.Popen[str]]

EMPTY = dict.fromkeys(
    ["section_id", "section_name", "group_id", "group_name", "business_id", "business_name", "before", "after"]
)


def small(*, groups: int = 2) -> dict[str, Any]:
    """Options of an emulator with one section."""
    members = {
        number: EmulatedGroup(number, f"G{number}", business_ids=["b1", "b2"]) for number in range(1, groups + 1)
    }
    return {"sections": [EmulatedSection(7, "Country", members, can_edit=True)], "rate_limit": None}


@pytest.fixture
async def served() -> AsyncIterator[Emulator]:
    async with Emulator(**small()) as emulator:
        yield emulator


def client_of(emulator: Emulator, **options: Any) -> PartooClient:
    chosen: dict[str, Any] = {"retry": RetryPolicy(0), "timeout": 5.0} | options
    return PartooClient(emulator.api_key, server=emulator.server, **chosen)


def rounds(client: PartooClient, state: Path, *program: str, **options: Any) -> Rounds:
    environment = {"PATH": os.environ["PATH"]}
    return Rounds(client, SyncOptions.checked(state, None, None, **options), program, environment, False)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines on standard output, without what is not set in them."""
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all([*line] == ["time", "kind", *EMPTY] for line in made)
    return [{name: value for name, value in line.items() if value is not None} for line in made]


async def test_each_change_is_a_line(served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing at first; then one JSON object for each change, with the names; then nothing again."""
    served.businesses["b1"].name = "Café Lille"
    async with client_of(served) as client:
        watched = rounds(client, tmp_path / "state")
        await watched.run()
        assert printed(capsys) == []
        served.sections[7].groups[1].business_ids.remove("b1")
        served.sections[7].groups[2].name = "Flagship"
        await watched.run()
        left, renamed = printed(capsys)
        await watched.run()
        assert printed(capsys) == []
    assert left.pop("time") == renamed.pop("time")
    about = {"section_id": 7, "section_name": "Country"}
    known = {"business_id": "b1", "business_name": "Café Lille"}
    assert left == {"kind": "business_left", **about, "group_id": 1, "group_name": "G1", **known}
    names = {"group_id": 2, "group_name": "Flagship", "before": "G2", "after": "Flagship"}
    assert renamed == {"kind": "group_renamed", **about, **names}


async def test_a_program_gets_the_same_lines(
    served: Emulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once a round in which something changed, all of its lines."""
    served.sections[7].groups[1].name = "Español \u2028 \x1b[31m"
    async with client_of(served) as client:
        watched = rounds(
            client, tmp_path / "state", "sh", "-c", f"echo run >> '{tmp_path}/got'; cat >> '{tmp_path}/got'"
        )
        await watched.run()
        await watched.run()
        assert not (tmp_path / "got").exists()
        served.sections[7].groups[1].name = "X"
        served.sections[7].groups.pop(2)
        capfd.readouterr()
        await watched.run()
    run, *lines = (tmp_path / "got").read_text("utf-8").splitlines()
    assert run == "run"
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(lines) == 4  # a group renamed, one removed with two businesses
    assert "\x1b" not in "".join(lines)


async def test_what_a_program_did_not_take_comes_again(
    served: Emulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """When it fails the round counts as not told: the next one reads anew, and its changes are those of both."""
    async with client_of(served) as client:
        program = ["sh", "-c", f"cat >> '{tmp_path}/got'; test -e '{tmp_path}/ready'"]
        watched = rounds(client, tmp_path / "state", *program)
        await watched.run()
        served.sections[7].groups[1].name = "A"
        with pytest.raises(NotDeliveredError, match="sh ended with 1"):
            await watched.run()
        served.sections[7].groups[2].name = "B"
        (tmp_path / "ready").touch()
        await watched.run()
        capfd.readouterr()
        await watched.run()
        assert capfd.readouterr().out == ""
    got = [json.loads(line)["after"] for line in (tmp_path / "got").read_text("utf-8").splitlines()]
    assert got == ["A", "A", "B"]


async def test_a_round_after_a_stop_tells_what_was_read_and_what_is_new(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped while it tells, it has read everything: that is told without a request, then comes a round as ever."""
    async with client_of(served) as client:
        await rounds(client, tmp_path / "state").run()
        served.sections[7].groups[1].name = "A"
        hanging = asyncio.create_task(rounds(client, tmp_path / "state", "sh", "-c", "sleep 1000").run())
        while "group_renamed" not in capsys.readouterr().out:
            await asyncio.sleep(0.01)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        served.sections[7].groups[2].name = "B"
        before = len(served.requests)
        await rounds(client, tmp_path / "state").run()
        assert [line["after"] for line in printed(capsys)] == ["A", "B"]
        requests = len(served.requests) - before
        await rounds(client, tmp_path / "state").run()
        assert len(served.requests) - before == 2 * requests  # that of one round each


async def test_an_outage_of_a_whole_round_loses_nothing(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The round ends with a passing error, and the next one tells what changed meanwhile."""
    async with client_of(served, timeout=0.2) as client:
        watched = rounds(client, tmp_path / "state")
        await watched.run()
        served.sections[7].groups[1].name = "A"
        down = served.faults.add("status", status=503)
        with pytest.raises(PartooError) as raised:
            await watched.run()
        assert raised.value.transient
        down.remove()
        await watched.run()
    assert [line["after"] for line in printed(capsys)] == ["A"]


async def test_an_interactive_call_of_the_same_client_does_not_wait(tmp_path: Path) -> None:
    """A watch leaves the reserve free, also for the first call after a quiet minute."""
    async with Emulator(**small(groups=60)) as emulator:
        async with client_of(emulator, rate_limit=RateLimit(20, 3600, reserve=0.1), timeout=PATIENCE) as client:
            watching = asyncio.create_task(rounds(client, tmp_path / "state", strategy="groups").run())
            while len(emulator.requests) < 18 or not client.quota.waiting_bulk:
                await asyncio.sleep(0.01)
            for number in (1, 2):
                await client.groups.get(7, number)
            assert (len(emulator.requests), client.quota.waiting_bulk > 0) == (20, True)
            watching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await watching


def first_line(process: subprocess.Popen[str], words: str) -> str:
    """The first line of standard error that has these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    pytest.fail(f"it ended without saying {words!r}")


def test_an_interactive_call_of_another_process_does_not_wait(serve: Serve, spawn: Spawn, tmp_path: Path) -> None:
    """Two processes that share the quota by a file: the page of one is served while the watch of the other waits."""
    emulator = serve(**small(groups=400))
    where, seen = tmp_path / "quota", list[str]()
    emulator.faults.add("stall", match=lambda _, path: seen.append(path) or False)  # type: ignore[func-returns-value]
    process = spawn("watch", "--every", "1h", "--strategy", "groups", "--quota", where.as_uri())
    while len(seen) < 270:
        assert process.poll() is None
        time.sleep(0.02)

    async def page() -> float:
        async with client_of(emulator, quota=FileQuota(where), timeout=PATIENCE) as client:
            await client.groups.get(7, 1)
            return client.quota.members

    assert asyncio.run(page()) == 2
    assert len(seen) == 271
    process.terminate()
    assert process.wait(PATIENCE) == 143


def test_it_watches_until_it_is_stopped(serve: Serve, spawn: Spawn, partoo: Partoo, tmp_path: Path) -> None:
    """A process, second by second: what changes is a line; the program has no key; a signal between rounds ends it."""
    emulator = serve(**small())
    state = tmp_path / "state"
    program = f'sh -c \'cat > /dev/null; env > "{tmp_path}/env.new"; mv "{tmp_path}/env.new" "{tmp_path}/env"\''
    process = spawn("watch", "--every", "1s", "--state", state, "--exec", program)
    first_line(process, "nothing to compare with yet")
    emulator.sections[7].groups[1].name = "Flagship"
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert (line["kind"], line["before"], line["after"]) == ("group_renamed", "G1", "Flagship")
    first_line(process, "1 group changed")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "partoo: interrupted"
    assert emulator.api_key not in (tmp_path / "env").read_text()
    assert partoo("sync", "--state", state).code == 0


@pytest.mark.parametrize("phase", ["scan", "program"])
def test_a_signal_leaves_the_state_good(phase: str, serve: Serve, spawn: Spawn, partoo: Partoo, tmp_path: Path) -> None:
    """Stopped while it reads or tells, it ends at once, and the next run of any kind goes on and tells the change."""
    emulator = serve(**small())
    state = tmp_path / "state"
    assert partoo("sync", "--state", state).code == 0
    emulator.sections[7].groups[1].name = "Flagship"
    os.mkfifo(tmp_path / "begun")
    stalled = emulator.faults.add("stall", match=lambda _, path: phase == "scan" and path == "/sections/7/groups/2")
    command = f"sh -c 'echo > \"{tmp_path}/begun\"; sleep 1000'"
    process = spawn("watch", "--every", "1h", "--state", state, "--strategy", "groups", "--exec", command)
    if phase == "scan":
        while not stalled.hits:
            time.sleep(0.01)
    else:
        (tmp_path / "begun").read_text()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "Traceback" not in err
    stalled.remove()
    result = partoo("sync", "--state", state)
    assert (result.code, 'renamed, was "G1"' in result.out) == (0, True)


def test_a_reader_that_goes_away_ends_it(serve: Serve, spawn: Spawn) -> None:
    """As any command: 141 and not a word."""
    emulator = serve(**small())
    process = spawn("watch", "--every", "1s")
    first_line(process, "nothing to compare with yet")
    assert process.stdout is not None
    process.stdout.close()
    emulator.sections[7].groups[1].name = "Flagship"
    assert process.wait(PATIENCE) == 141


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--every", "1"], "--every: expected a time such as 30s, 5m, 1h or 1d"),
        (["--every", "1h", "--exec", "no-such-program-here"], "--exec: cannot run no-such-program-here: there is no"),
        (["--every", "1h", "--state", "/nowhere/state"], "--state: expected a directory in one that exists"),
        (["--every", "1h", "--state", ""], "--state: expected the path of a directory"),
        ([], "--every: missing"),
    ],
)
@pytest.mark.usefixtures("emulator")
def test_a_wrong_argument_is_told_before_anything_is_read(partoo: Partoo, words: list[str], message: str) -> None:
    """One line that names the option, and 2."""
    result = partoo("watch", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_refused_key_is_told_at_once(serve: Serve, partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to find it in a log of hourly warnings."""
    serve(**small())
    monkeypatch.setenv("PARTOO_API_KEY", "another")
    assert partoo("watch", "--every", "1h").code == 3
