"""What is shown of a scan while it runs."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from typing import TYPE_CHECKING

import pytest

from partoo_async import ScanProgress
from partoo_async.cli import main, progress
from partoo_async.cli.options import ClientOptions
from partoo_async.cli.progress import (
    BarDisplay,
    PlainDisplay,
    ProgressMode,
    QuietDisplay,
    choose_display,
    shown,
)
from partoo_async.cli.progress_words import status
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Result

NOTHING = ScanProgress(done=0, failed=0, total=0, rate=0.0, eta=0.0, paused_for=0.0)
RUNNING = ScanProgress(done=1200, failed=3, total=9999, rate=4.96, eta=1775.0, paused_for=0.0)
PAUSED = ScanProgress(done=40, failed=0, total=412, rate=4.9, eta=83.0, paused_for=41.0)
HELD = ScanProgress(412, 2, 9999, 4.9, 83.0, 0.0, 12.2, "connection refused", retries=1)
QUEUED = ScanProgress(300, 0, 9999, 150.0, 1900.0, 0.0, quota_wait=41.3, retries=1204)
SILENT = ScanProgress(412, 2, 9999, 4.9, 83.0, 0.0, silent_for=12.4, retries=1)
ENDED = ScanProgress(done=412, failed=1, total=412, rate=5.0, eta=0.0, paused_for=0.0)


@each(
    ("seen", "words"),
    [
        (NOTHING, ""),
        (RUNNING, "5.0/s, ETA 29 min 35 s, 3 failed"),
        (PAUSED, "paused by the server for 41 s, ETA 1 min 23 s"),
        (HELD, "holding for 12 s (connection refused), trying again, 2 failed, 1 retry"),
        (QUEUED, "waiting for quota: 41 s, ETA 31 min 40 s, 1,204 retries"),
        (SILENT, "nothing came for 12 s, 2 failed, 1 retry"),
        (ENDED, "5.0/s, 1 failed"),
    ],
)
def test_the_status_in_words(seen: ScanProgress, words: str) -> None:
    """Rate, time left, failures and retries; a pause or a wait for quota stands in for the rate, and a hold or a long
    silence for the time left as well; nothing that is not known."""
    assert status(seen) == words


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A line while groups are outstanding, and for a pause or a hold before they are known; none before nor after."""
    display = PlainDisplay()
    for seen in (
        NOTHING,
        ScanProgress(0, 0, 0, 0.0, 0.0, 30.0),
        ScanProgress(0, 0, 0, 0.0, 0.0, 0.0, 9.0, "503 Oh"),
        ScanProgress(0, 0, 0, 0.0, 0.0, 0.0, quota_wait=41.0),
        ScanProgress(0, 0, 0, 0.0, 0.0, 0.0, quota_wait=0.2),
        ScanProgress(0, 0, 0, 0.0, 0.0, 0.0, silent_for=5.2),
        RUNNING,
        PAUSED,
        ENDED,
    ):
        display.show(seen)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "reading sections, paused by the server for 30 s",
        "reading sections, holding for 9.0 s (503 Oh), trying again",
        "reading sections, waiting for quota: 41 s",
        "reading sections, nothing came for 5.2 s",
        "1,200/9,999 groups, 5.0/s, ETA 29 min 35 s, 3 failed",
        "40/412 groups, paused by the server for 41 s, ETA 1 min 23 s",
    ]


@pytest.mark.parametrize(
    ("mode", "stderr", "stdout", "streaming", "term", "kind"),
    [
        (ProgressMode.AUTO, True, True, False, "xterm", BarDisplay),
        (ProgressMode.AUTO, True, False, True, "xterm", BarDisplay),
        (ProgressMode.AUTO, True, True, True, "xterm", PlainDisplay),
        (ProgressMode.AUTO, True, True, False, "dumb", PlainDisplay),
        (ProgressMode.AUTO, False, True, False, "dumb", QuietDisplay),
        (ProgressMode.AUTO, False, True, False, "xterm", QuietDisplay),
        (ProgressMode.NONE, True, True, False, "xterm", QuietDisplay),
        (ProgressMode.PLAIN, False, False, True, "xterm", PlainDisplay),
    ],
)
def test_the_display_suits_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
    mode: ProgressMode,
    stderr: bool,
    stdout: bool,
    streaming: bool,
    term: str,
    kind: type[QuietDisplay | BarDisplay],
) -> None:
    """A bar only on a terminal that can move its cursor and that no results go to meanwhile, else lines; nothing in a
    file unless it is asked for."""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: stderr)
    monkeypatch.setattr(progress.sys.stdout, "isatty", lambda: stdout)
    monkeypatch.setenv("TERM", term)
    assert type(choose_display(mode, streaming=streaming)) is kind


def test_a_bar_shares_no_screen_with_the_reader_of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a pipe jq or head may print to the same terminal: whole lines, now and then, do not run into theirs."""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(progress.sys, "stdout", pipe)
        display = choose_display(ProgressMode.AUTO, streaming=True)
        assert (type(display), display.interval) == (PlainDisplay, 10.0)
        assert type(choose_display(ProgressMode.AUTO, streaming=False)) is BarDisplay


class _Fleeting(QuietDisplay):
    """A display whose terminal goes away at the second look."""

    interval = 0.001
    looks = 0

    def show(self, progress: ScanProgress) -> None:
        self.looks += 1
        if self.looks == 2:
            raise OSError


async def test_a_lost_terminal_does_not_end_the_scan() -> None:
    """The display is polled while the block runs; when it fails the block runs on."""
    display = _Fleeting()
    async with shown(display, lambda: RUNNING):
        while display.looks < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(5 * display.interval)
    assert display.looks == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_warnings_of_the_client_are_lines(partoo: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client logs as a warning is one clean line, and the handler goes when the command has ended."""
    logger = logging.getLogger("partoo_async.retry")
    monkeypatch.setattr(ClientOptions, "connect", lambda *_, **__: logger.warning("odd\x1b answer\nof %s", 7))
    with pytest.raises(TypeError):  # there is no client after that
        partoo("group", 7, 42)
    assert logging.getLogger("partoo_async").handlers == []


@each(("arguments", "code"), [(["--version"], 0), (["nonsense"], 2)])
def test_the_entry_point_exits_with_the_code(arguments: list[str], code: int) -> None:
    """`main` is what the installed command calls: it always ends by exiting."""
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == code


@pytest.mark.parametrize("where", ["partoo_async.cli.app.run_process", "partoo_async.cli.app.app"])
def test_ctrl_c_outside_of_a_command_is_quiet_too(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Ctrl-C while the command starts or ends is 130 as well."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    assert exit_info.value.code == 130


@pytest.mark.parametrize(("name", "expected"), [("pygments", ModuleNotFoundError), ("rich.table", SystemExit)])
def test_only_the_extra_s_own_packages_are_excused(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: type[BaseException]
) -> None:
    """A missing module of another package is a fault of the installation, and is not blamed on the extra."""

    def missing(*_: object) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("partoo_async.cli.app.run_process", missing)
    with pytest.raises(expected):
        main([])


@each("width", [60, 80, 120, 200])
@each("seen", [NOTHING, RUNNING, PAUSED, HELD, QUEUED, ENDED])
@each("no_color", ["", "1"])
def test_the_bar_fills_the_line_and_never_breaks_it(
    seen: ScanProgress,
    width: int,
    no_color: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With colours or without: one line in every state, as long as the terminal's but for the echo of a Ctrl-C
    where there is room for a bar, and never longer."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    display = BarDisplay()
    display.start()
    capsys.readouterr()
    display.show(seen)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", capsys.readouterr().err)
    display.stop()
    assert "\n" not in drawn.rstrip("\n")
    assert len(drawn) <= width - 3
    if width >= 120 and seen.total:
        assert f"{seen.done:,}/{seen.total:,}  ━" in drawn
        assert drawn.endswith(status(seen))
    if "━" in drawn:
        assert len(drawn) == width - 3


def test_a_narrower_terminal_has_no_remains_of_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has folded the line of before: those above are erased, as many as there are, and none otherwise."""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    display = BarDisplay()
    display.start()
    ups = []
    for width in (120, 120, 80, 30, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        display._live.console._width = width
        capsys.readouterr()
        display.show(RUNNING)
        ups.append(capsys.readouterr().err.count("\x1b[1A"))
    display.stop()
    assert ups == [0, 0, 1, 2, 0]
