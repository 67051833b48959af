"""``PARTOO_LOG``: the package's log on standard error."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from partoo_async import NotFoundError, PartooClient
from partoo_async._internal import logs
from partoo_async.testing import MockResponse, MockTransport
from tests.support.common import FAST

KEY = "sk-very-secret-0123456789"
SECTION = {"id": 7, "name": "F", "groups": [], "can_edit": True, "has_puller": False}


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """The environment is read again, and nothing of it stays."""
    logs.obey_environment.cache_clear()
    yield
    logs.log_to_stderr(logging.NOTSET)
    logs.obey_environment.cache_clear()


async def run(*statuses: int, own: logging.Handler | None = None) -> None:
    """Read a section and scan it, where the application has its ``own`` handler or none."""
    left = list(statuses)
    transport = MockTransport(lambda _: MockResponse(left.pop(0), json=SECTION))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [] if own is None else [own])  # without those of pytest
        async with PartooClient(KEY, transport=transport, retry=FAST) as client:
            await client.sections.get(7)
            await client.scan(7).collect()


async def test_debug_tells_each_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its status, time, attempt and wait for quota; retries, and the end of scans: on standard error, no key."""
    monkeypatch.setenv("PARTOO_LOG", " Debug ")
    await run(503, 200, 200)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert "DEBUG   partoo_async: GET /sections/7: 503 in 0.0" in lines[0]
    assert lines[0].endswith(" (attempt 1)")
    assert "INFO    partoo_async.retry: GET /sections/7: attempt 1 failed (503 Service Unavailable" in lines[1]
    assert "GET /sections/7: 200 in 0.0" in lines[2]
    assert lines[2].endswith("(attempt 2)")
    assert "INFO    partoo_async.scan: scan: complete, " in lines[-1]
    assert KEY not in err


async def test_info_tells_no_requests(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Retries and scans alone."""
    monkeypatch.setenv("PARTOO_LOG", "info")
    await run(503, 200, 200)
    err = capsys.readouterr().err
    assert "DEBUG" not in err
    assert "partoo_async.retry: GET /sections/7: attempt 1 failed" in err
    assert "partoo_async.scan: scan: complete" in err


@pytest.mark.parametrize("value", [None, "", "  "])
async def test_nothing_is_told_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str | None
) -> None:
    """Without the variable the package adds no handler, sets no level, and makes no text for requests."""
    monkeypatch.delenv("PARTOO_LOG", raising=False)
    if value is not None:
        monkeypatch.setenv("PARTOO_LOG", value)
    await run(200, 200)
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("partoo_async").handlers == []
    assert logging.getLogger("partoo_async").level == logging.NOTSET
    assert not PartooClient(KEY).session.context.emit.wants_requests


@pytest.mark.parametrize("value", ["1", "true", "verbose", KEY])
async def test_another_value_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    """It names what is possible, once, and not what came. The client works: a service must not fail for it."""
    monkeypatch.setenv("PARTOO_LOG", value)
    await run(200, 200)
    await run(200, 200)
    assert capsys.readouterr().err.splitlines() == ["PARTOO_LOG: expected debug or info; this value is ignored"]


async def test_lines_are_not_doubled(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the application has a handler that prints a record, before or after, it alone prints it."""
    monkeypatch.setenv("PARTOO_LOG", "debug")
    with pytest.raises(NotFoundError):
        await run(404)
    assert "404 in 0.0" in capsys.readouterr().err
    seen: list[str] = []

    class Own(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    await run(503, 200, 200, own=Own(logging.INFO))
    err = capsys.readouterr().err
    assert [text for text in seen if "attempt 1 failed" in text]
    assert "attempt 1 failed" not in err
    assert "503 in 0.0" in err, "a handler for more important records does not take the others away"
    await run(200, 200, own=Own(logging.NOTSET))
    assert capsys.readouterr().err == ""


def test_a_process_needs_the_variable_alone(quick_python: Sequence[str], tmp_path: object) -> None:
    """No code: the first client that is made reads it."""
    code = (
        "import asyncio\nfrom partoo_async import PartooClient\n"
        "from partoo_async.testing import MockResponse, MockTransport\n"
        "client = PartooClient('k', transport=MockTransport(lambda _: MockResponse(404)))\n"
        "try: asyncio.run(client.sections.get(7))\nexcept Exception: pass\n"
    )
    command = [*quick_python, "-c", code]
    done = subprocess.run(command, env={"PARTOO_LOG": "debug"}, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.count("GET /sections/7: 404") == 1


async def test_a_handler_for_nothing_takes_no_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As libraries set one on their loggers."""
    monkeypatch.setenv("PARTOO_LOG", "debug")
    await run(200, 200, own=logging.NullHandler())
    assert "GET /sections/7: 200" in capsys.readouterr().err


async def test_a_closed_standard_error_breaks_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a daemon."""
    monkeypatch.setenv("PARTOO_LOG", "debug")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    await run(200, 200)
