"""`partoo emulator`: sizes, faults, and the lines that point a client at it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from urllib.request import urlopen

import pytest

from partoo_async.emulator import Emulator
from tests.cli.conftest import Result
from tests.support.common import PATIENCE

Partoo = Callable[..., Result]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[subprocess.Popen[str], str]]:
    """A function that starts `partoo emulator` on a free port, points the environment at it and returns its URL."""

    def start(*options: object) -> tuple[subprocess.Popen[str], str]:
        process = spawn("emulator", "--port", 0, "--latency", 0, *options)
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n") for _ in range(3)]
        variables = dict(line.removeprefix("export ").split("=", 1) for line in lines[:2])
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert lines[2].startswith("# curl -H 'x-APIKey: emulator-key' http://127.0.0.1:")
        assert lines[2].endswith("/v2/sections/1/groups/1")
        return process, variables["PARTOO_SERVER"]

    return start


@pytest.mark.parametrize(("profile", "sections"), [("small", {2}), ("large", {5, 6, 7, 8}), ("demo", {6})])
def test_it_serves_an_organization_of_a_size(run, partoo: Partoo, profile: str, sections: set[int]) -> None:
    """`--profile` chooses the data; what the curl line asks for is there."""
    run("--profile", profile, "--seed", 3)
    assert len(partoo("sections", "--json").out.splitlines()) in sections
    assert partoo("group", 1, 1).code == 0


def test_it_serves_as_many_groups_as_are_asked_for(run, partoo: Partoo) -> None:
    """`--groups` with a profile: exactly so many, in a moment."""
    run("--profile", "extreme", "--groups", 20_000)
    listed = [json.loads(line) for line in partoo("sections", "--json").out.splitlines()]
    assert len(listed) == 10
    assert json.loads(partoo("group", 10, 20_000, "--json").out)["group_id"] == 20_000
    assert partoo("group", 10, 20_001).code == 3


def test_it_says_where_its_page_is_and_how_much_it_did(run, partoo: Partoo) -> None:
    """The status page's address is on standard error; the page and its feed do not count as requests."""
    process, url = run("--rate-limit", "50/10", "--window", "fixed")
    root = url.removesuffix("v2")
    with urlopen(root, timeout=PATIENCE) as page:
        assert b"<title>Partoo emulator</title>" in page.read()
    assert partoo("group", 1, 1).code == 0
    with urlopen(root + "status.json", timeout=PATIENCE) as answer:
        assert json.load(answer)["quota"] == {"used": 1, "limit": 50, "per": 10.0}
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    first, *_, last, end = err.splitlines()
    assert first == f"partoo: the emulator listens on {url}, its status page is {root}; Ctrl-C stops it"
    assert (last, end) == ("partoo: requests served: 1", "partoo: interrupted")
    assert process.returncode == 130


def test_it_plays_faults(run, partoo: Partoo) -> None:
    """With `--chaos 1` every read meets a fault, and the feed counts them."""
    _, url = run("--chaos", 1)
    partoo("group", 1, 1, "--timeout", 1)  # whatever comes of it: one of the faults is an answer that is only slow
    with urlopen(url.removesuffix("v2") + "status.json", timeout=PATIENCE) as answer:
        feed = json.load(answer)
    assert feed["requests"] == sum(fault["count"] for fault in feed["faults"]) > 0


def test_it_says_so_when_the_network_can_reach_it(run) -> None:
    """Loopback unless told otherwise, and then with a warning."""
    process, url = run("--host", "0.0.0.0")
    assert url.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert err.splitlines()[0] == ("partoo: warning: the emulator listens on 0.0.0.0: it is reachable from the network")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "huge"], "'huge' is not one of 'demo', 'small', 'typical', 'large', 'extreme'"),
        (["--window", "hopping"], "'hopping' is not one of 'sliding', 'fixed',"),
        (["--groups", 5], "--groups: needs a --profile other than demo"),
        (["--groups", 0, "--profile", "small"], "--groups"),
        (["--chaos", 2], "--chaos"),
        (["--chaos", "nan"], "chaos"),
        (["--latency", "nan"], "latency"),
        (["--rate-limit", "300/never"], "--rate-limit: expected requests/seconds"),
    ],
)
def test_a_bad_option_is_one_clear_line(partoo: Partoo, arguments: list[object], message: str) -> None:
    """One line that says what is expected, and the code of every usage error."""
    result = partoo("emulator", "--port", 0, *arguments)
    assert (result.code, result.out) == (2, "")
    first, *rest = result.err.splitlines()
    assert first.startswith("partoo: error: ")
    assert message in first
    assert len(rest) <= 1


def test_a_port_in_use_is_one_clear_line(emulator: Emulator, partoo: Partoo) -> None:
    """It names the port and the way out."""
    port = emulator.url.removesuffix("/v2").rpartition(":")[2]
    result = partoo("emulator", "--port", port)
    assert (result.code, result.out) == (2, "")
    [line] = result.err.splitlines()
    assert line.startswith(f"partoo: error: --host, --port: cannot listen on '127.0.0.1' port {port}")
    assert "or --port 0 for a free one" in line
