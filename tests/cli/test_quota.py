"""``--quota`` and ``partoo quota``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from partoo_async.policy import RateLimit
from partoo_async.quota.shared.messages import Report, terms_of
from partoo_async.quota.shared.overview import overview
from partoo_async.quota.shared.rules import exchange
from tests.cli.conftest import Result
from tests.support.redis_server import redis_server

Partoo = Callable[..., Result]


@pytest.mark.usefixtures("emulator")
def test_commands_share_a_quota(partoo: Partoo, tmp_path: Path) -> None:
    """Each with --quota, or by the variable, counts in the same file; ``partoo quota`` shows it, without a key."""
    path = tmp_path / "partoo.quota"
    url = path.as_uri()
    for words in (["group", 1, 1], ["sections"], ["businesses"], ["business", "--search", "x"], ["scan", 1]):
        result = partoo(*words, "--quota", url)
        assert result.code == 0, result.err
    shown = partoo("quota", url)
    assert shown.code == 0
    assert " used" in shown.err
    assert shown.out.split()[:7] == ["quota", "member", "held", "cooling", "interactive", "bulk", "state"]
    (found,) = [json.loads(line) for line in partoo("quota", url, "--json").out.splitlines()]
    assert found["used"] == sum(member["held"] + member["cooling"] for member in found["members"]) >= 6
    assert (found["paused_for"], len(found["members"])) == (0.0, 1), "one process, though it ran several commands"


def test_the_variable_names_the_place(partoo: Partoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there is no place, and none is made."""
    assert partoo("quota").code == 2
    monkeypatch.setenv("PARTOO_QUOTA", (tmp_path / "partoo.quota").as_uri())
    result = partoo("quota")
    assert (result.code, result.out) == (2, "")
    assert "there is no file" in result.err
    assert not (tmp_path / "partoo.quota").exists()
    monkeypatch.setenv("PARTOO_QUOTA", "memcached://:s3cret@host")
    result = partoo("quota")
    assert result.code == 2
    assert result.err.startswith("partoo: error: PARTOO_QUOTA: expected a URL")
    assert "s3cret" not in result.err


@pytest.mark.usefixtures("emulator")
def test_a_store_that_cannot_be_used_ends_the_command(partoo: Partoo, tmp_path: Path) -> None:
    """As a bad option does, with its name."""
    result = partoo("group", 1, 1, "--quota", (tmp_path / "missing" / "x").as_uri())
    assert result.code == 2
    assert result.err.startswith("partoo: error: --quota: the shared store cannot be used: there is no directory")


async def test_redis_is_shown_too(partoo: Partoo, tmp_path: Path) -> None:
    """An empty one has no quota."""
    import asyncio

    async with redis_server(tmp_path) as server:
        result = await asyncio.to_thread(partoo, "quota", server.url)
        assert (result.code, result.out) == (0, "")
        assert "no process has used a quota there" in result.err


def test_what_is_shown_of_a_quota() -> None:
    """Members that are gone are shown while their slots cool; the limit and the window are those of the living."""
    terms = terms_of(RateLimit(30, 60.0), 1.0, 1.0)
    state, _ = exchange(None, Report("one", 1, held=3, cooling=((2000, 4), (50, 1)), interactive=1), terms, 1000)
    state, _ = exchange(state, Report("two", 1, bulk=40, pause=5000), terms, 1100)
    view = overview("partoo:quota:abc", state, 1100)
    assert (view.quota, view.limit, view.window, view.used) == ("abc", 30, 60.05, 8)
    assert (view.paused_for, view.settling_for) == (5.0, 2.4)
    one, two = view.members
    assert (one.member, one.held, one.cooling, one.waiting_interactive, one.alive) == ("one", 4, 4, 0, True)
    assert (two.member, two.held, two.cooling, two.waiting_bulk, two.alive) == ("two", 0, 0, 40, True)
    view = overview("partoo:quota:abc", state, 30_000)
    assert [member.alive for member in view.members] == [False]
    assert (view.limit, view.used) == (None, 4)


def test_no_password_is_printed(tmp_path: Path) -> None:
    """Not even in the command that resumes a scan, which otherwise has the words as they were typed."""
    from partoo_async.cli.commands.scan import resuming

    words = ["scan", "--quota", "redis://user:s3cret@host/0", "7"]
    assert resuming(words, "scan", again=False) == "partoo scan --resume --quota 'redis://***@host/0' 7"
    words = ["scan", "7", "--quota=unix:///run/redis?db=1&password=secret&name=acme"]
    hidden = "'--quota=unix:///run/redis?db=1&password=***&name=acme'"
    assert resuming(words, "scan", again=False) == f"partoo scan --resume 7 {hidden}"
