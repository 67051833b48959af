"""The key is nowhere: not in what is raised, logged, recorded, shown, told or pickled, whatever goes wrong."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

from partoo_async import (
    AuthenticationError,
    PartooClient,
    PartooError,
    RequestEvent,
    RetryPolicy,
    UnauthenticatedBody,
    UnauthenticatedErrors,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.emulator.faults import GROUPS, KINDS
from tests.hostile.server import HostileServer, Line
from tests.support.common import TLS
from tests.support.raw_server import answer
from tests.support.recorder import Recorder

KEY = "sk-hostile-secret-0123456789"
# Sizes at which a fault is still itself, and no more than that.
SMALL: dict[str, dict[str, Any]] = {
    "huge_body": {"size": 33 * 2**20},
    "gzip_bomb": {"size": 33 * 2**20},
    "header_flood": {"count": 2000},
}


def traces(error: BaseException | None) -> list[object]:
    """Everything that could be printed of an error, of those that led to it, and of what a copy of it would be."""
    seen: list[object] = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        seen += ["".join(shown.format()), repr(error), str(error), error.args, vars(error)]
        seen += [pickle.dumps(error), vars(pickle.loads(pickle.dumps(error))), vars(copy.copy(error))]
        seen.append(traces(getattr(error, "last_error", None)))
        error = error.__cause__ or error.__context__
    return seen


async def provoke(client: PartooClient, journal: Path | None) -> list[object]:
    """Ask for a group in several ways, and return all there is to see of what that brought."""
    seen: list[object] = []
    for call in (
        lambda: client.groups.get(7, 42),
        lambda: client.request("GET", "/sections/7/groups/42"),
        lambda: client.groups.delete(7, 42),
    ):
        try:
            seen.append(await call())
        except PartooError as error:
            seen += traces(error)
    if journal is not None:
        report = await client.scan(7, group_ids=[42], journal=journal).collect()
        seen += [report, *(traces(item.error) for item in report.items)]
        seen += [path.read_bytes() for path in journal.parent.iterdir()]
    return [*seen, client, client.session, vars(client.session), client.session.settings, client.quota]


def told(recorder: Recorder) -> list[object]:
    """The events, and the spans and metrics that are made of them: one span for each request, none is missed."""
    assert len(recorder.spans) == sum(isinstance(event, RequestEvent) for event in recorder.events) > 0
    return [recorder.events, recorder.everything()]


def assert_hidden(seen: list[object], records: list[logging.LogRecord]) -> None:
    text = repr(seen) + "".join(f"{record.getMessage()} {vars(record)}" for record in records)
    # Also as the bytes of a header, and as a base for guessing.
    for secret in (KEY, KEY.encode().hex(), KEY[:12]):
        assert secret not in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("hurried")
async def test_whatever_the_fault(kind: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Through every fault that the emulator plays, in all that a call or a scan leaves behind."""
    caplog.set_level(logging.DEBUG)
    recorder = Recorder()
    sections = [EmulatedSection(7, "Country", {42: EmulatedGroup(42, "France", business_ids=["a"])})]
    async with Emulator(sections=sections, api_key=KEY, rate_limit=None) as emulator:
        emulator.faults.add(kind, **SMALL.get(kind, {}))
        async with PartooClient(
            KEY,
            server=emulator.server,
            timeout=0.5,
            attempt_timeout=0.05 if KINDS[kind] in GROUPS["The connection"] else 0.4,
            retry=RetryPolicy(max_retries=1, initial_backoff=0.001),
            ssl_context=TLS,
            on_event=recorder,
        ) as client:
            # A pause of an hour would hold the scan up for good.
            paused = kind.startswith("rate_limited")
            seen = await provoke(client, None if paused else tmp_path / "scan.db")
    assert_hidden([*seen, *told(recorder)], caplog.records)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 429, 500, 999])
@pytest.mark.parametrize("broken", [False, True])
async def test_a_server_that_quotes_the_request(
    status: int, broken: bool, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Debug pages and gateways send a request's headers back: the key does not come in by that door either."""
    caplog.set_level(logging.DEBUG)
    recorder = Recorder()

    async def quote(line: Line) -> None:
        body = b'{"errors":{"json":{"request":"%b"}}}' % line.request.replace(b"\r\n", b" ").replace(b'"', b"'")
        page = answer(status, body, f"X-Echo: {KEY}", f"Retry-After: {KEY}", f"Location: http://x/{KEY}")
        await line.send(page.replace(b"Content-Length", b"Content-Lenght:" + KEY.encode()) if broken else page)

    async with HostileServer((quote,)).serve() as server:
        async with PartooClient(
            KEY,
            server=server.url,
            timeout=5.0,
            retry=RetryPolicy(max_retries=0),
            ssl_context=TLS,
            on_event=recorder,
        ) as client:
            seen = await provoke(client, tmp_path / "scan.db" if status not in (200, 429) else None)
    if status == 200:
        seen = [value for value in seen if not isinstance(value, (dict, str)) or "request" not in str(value)]
    assert_hidden([*seen, *told(recorder)], caplog.records)


@pytest.mark.parametrize(
    ("key", "quoted"),
    [
        pytest.param("ab/cd+12==", rb"ab\/cd+12==", id="escaped slash"),
        pytest.param("ab&cd<ef>", rb"ab\u0026cd\u003cef\u003E", id="by numbers, as a server that fears HTML does"),
        pytest.param('ab"cd\\ef', rb"ab\"cd\\ef", id="quotation mark and backslash"),
    ],
)
async def test_a_server_that_quotes_the_key_as_json(key: str, quoted: bytes) -> None:
    """It is hidden in what the JSON says, and not only in how it was written."""
    body = b'{"errors":{"authentication":"unknown key ' + quoted + b'"}}'
    async with (
        HostileServer((answer(401, body),)).serve() as server,
        PartooClient(key, server=server.url, ssl_context=TLS) as client,
    ):
        with pytest.raises(AuthenticationError, match=r"unknown key \*\*\*") as caught:
            await client.groups.get(7, 42)
    assert key not in str(caught.value)
    assert caught.value.body == UnauthenticatedBody(UnauthenticatedErrors("unknown key ***"))
