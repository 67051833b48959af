"""The command in this process or in one of its own, against an emulator on a real socket in another thread."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from partoo_async.cli.app import run_process
from partoo_async.emulator import Emulator
from tests.support.common import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = ("-m", "partoo_async")


@frozen
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


def steers(variable: str) -> bool:
    """Whether the command heeds this variable of the environment."""
    return variable.startswith("PARTOO_") or variable in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE")


@contextmanager
def _served(**options: Any) -> Iterator[Emulator]:
    """Run an emulator in a thread: the command has an event loop of its own in this one."""
    started: Future[tuple[Emulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with Emulator(**options) as emulator:
            started.set_result((emulator, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    emulator, loop, stop = started.result(timeout=PATIENCE)
    try:
        yield emulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulator]]:
    """A function that starts an emulator with its arguments and sets the environment of the command to it."""
    with ExitStack() as stack:

        def start(**options: Any) -> Emulator:
            emulator = stack.enter_context(_served(**options))
            monkeypatch.setenv("PARTOO_SERVER", emulator.url)
            monkeypatch.setenv("PARTOO_API_KEY", emulator.api_key)
            return emulator

        yield start


@pytest.fixture
def emulator(serve: Callable[..., Emulator]) -> Emulator:
    """An emulator with the demo data and no limit."""
    return serve(rate_limit=None)


@pytest.fixture
def partoo(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """The command, run in this process."""

    def run(*arguments: object) -> Result:
        code = run_process([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def command(quick_python: tuple[str, ...]) -> tuple[str, ...]:
    """The words that start the command."""
    return (*quick_python, *MODULE)


@pytest.fixture
def spawn(command: tuple[str, ...]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command, started as a process of its own; killed after the test if it still runs. ``afresh``: by a Python
    that starts with it, for what is about the state that a process is started in."""
    with ExitStack() as stack:

        def start(*arguments: object, afresh: bool = False, **options: Any) -> subprocess.Popen[str]:
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
            words = [*((sys.executable, *MODULE) if afresh else command), *map(str, arguments)]
            # As from a terminal: a shell without one starts its background jobs, this test run among them, with
            # Ctrl-C ignored, and children inherit that.
            everything: Any = pipes | {"preexec_fn": _heed_interrupts} | options
            process = stack.enter_context(subprocess.Popen(words, **everything))
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, server, colour or width of the developer's own."""
    for name in [*os.environ]:
        if steers(name):
            monkeypatch.delenv(name)
