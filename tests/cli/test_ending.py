"""What is said of results when a scan ends early."""

from __future__ import annotations

import asyncio

import pytest

from partoo_async import APIConnectionError, AuthenticationError, ConfigurationError
from partoo_async.cli.ending import Ending
from tests.support.each import each

REFUSED = AuthenticationError(401, None, "GET /sections", None, "no")
UNREACHED = APIConnectionError("GET /sections: cannot connect")
GO_ON = "partoo scan --resume 7"


@each("error", [UNREACHED, asyncio.CancelledError()])
@each(
    ("resume", "path", "read", "said"),
    [
        (GO_ON, "a.csv", 3, f"nothing was written to a.csv; what was read is in the journal; to go on: {GO_ON}"),
        (GO_ON, None, 3, f"nothing is lost; to go on: {GO_ON}"),
        ("", "a.csv", 3, "nothing was written to a.csv; what was read is lost, which --journal FILE would have kept"),
        ("", "a\x1b.csv", 0, "nothing was written to a\\x1b.csv"),
        ("", None, 3, None),
    ],
)
def test_a_stop_says_what_is_left(
    resume: str,
    path: str | None,
    read: int,
    said: str | None,
    error: BaseException,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C, SIGTERM or an error: what became of the file, and what goes on, or would have kept the results."""

    async def work() -> int:
        raise error

    ending = Ending(resume, path, lambda: read, "--journal FILE")
    with pytest.raises(type(error)):
        asyncio.run(ending.told(work()))
    assert capsys.readouterr().err == ("" if said is None else f"partoo: {said}\n")


@each(("error", "read", "lines"), [(ConfigurationError("no"), 3, 0), (REFUSED, 0, 0), (REFUSED, 3, 1)])
def test_nothing_read_is_nothing_to_go_on_with(
    error: Exception, read: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the command and a wrong key are one line, the error; a key withdrawn on the way is not."""

    async def work() -> int:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(Ending(GO_ON, "a.csv", lambda: read, "--journal FILE").told(work()))
    assert capsys.readouterr().err.count("\n") == lines


@each(("resume", "lines"), [(GO_ON, 2), ("", 1)])
def test_a_full_disk_is_told_by_its_own_words(resume: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    """They say what became of the file; a journal can be gone on with."""

    async def work() -> int:
        raise OSError(28, "a.csv was not written: No space left on device; nothing was overwritten")

    assert asyncio.run(Ending(resume, "a.csv", lambda: 1, "--journal FILE").told(work())) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert said[0] == "partoo: error: a.csv was not written: No space left on device; nothing was overwritten"
    if resume:
        assert said[1].endswith(GO_ON)
