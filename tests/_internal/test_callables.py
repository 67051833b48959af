"""Callbacks of the caller's: what they raise does no harm, and those that would never run are refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from partoo_async import APIConnectionError, ConfigurationError, PartooClient
from partoo_async.emulator import Emulator
from partoo_async.integrations.aiohttp import client_context
from tests.support.common import FAST, TLS


class Odd(BaseException):
    """An error that ``except Exception`` does not see."""


def look_at_a_cancelled_future(_: object) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    future.result()


def raise_odd(_: object) -> None:
    raise Odd


async def note(_: object) -> None:
    raise AssertionError


async def notes(_: object) -> AsyncIterator[None]:
    raise AssertionError
    yield


class Noting:
    """An object that is called like an async function."""

    async def __call__(self, _: object) -> None:
        raise AssertionError

    async def method(self, _: object) -> None:
        raise AssertionError


def note_later(event: object) -> object:
    """Look like a plain callable, and return what nobody awaits."""
    return note(event)


@pytest.mark.parametrize("callback", [look_at_a_cancelled_future, raise_odd, note_later])
async def test_a_callback_ends_no_call_and_no_scan(
    callback: Callable[[object], object], emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a callback raises, a CancelledError too, is logged once, and the work goes on."""
    async with PartooClient(emulator.api_key, server=emulator.server, ssl_context=TLS, on_event=callback) as client:
        assert (await client.groups.get(7, 42)).id == 42
        report = await client.scan(7, on_progress=callback).collect()
    assert len(report.succeeded) == len(report.items) == 24
    assert [record.name for record in caplog.records] == ["partoo_async", "partoo_async.scan"]
    assert all(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_ends_it_in_a_callback_too(error: type[BaseException], emulator: Emulator) -> None:
    """Ctrl-C may come while a callback runs."""

    def interrupted(_: object) -> None:
        raise error

    async with PartooClient(emulator.api_key, server=emulator.server, ssl_context=TLS) as client:
        scan = client.scan(7, on_progress=interrupted)
        with pytest.raises(error):
            async with scan:
                await anext(scan)


@pytest.mark.parametrize(
    "callback",
    [note, notes, Noting(), Noting().method, partial(note), partial(partial(Noting())), partial(Noting().method)],
    ids=["function", "generator", "object", "method", "partial", "partial of an object", "partial of a method"],
)
async def test_async_callbacks_are_refused(callback: Any) -> None:
    """Nobody would await what they return: the mistake is told before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"^on_event: expected a plain callable"):
        PartooClient("key", on_event=callback)
    client = PartooClient("key")
    with pytest.raises(ConfigurationError, match=r"^on_event: expected a plain callable"):
        client.with_options(on_event=callback)
    with pytest.raises(ConfigurationError, match=r"^on_progress: expected a plain callable"):
        client.scan(7, on_progress=callback)
    with pytest.raises(ConfigurationError, match=r"^on_progress: expected a plain callable"):
        client.scan_all(on_progress=callback)
    with pytest.raises(ConfigurationError, match=r"^make: .*not an async one"):
        client_context(callback)


async def test_a_key_that_cannot_be_had_is_an_error_of_ours() -> None:
    """Whatever a callable for the key raises, Ctrl-C apart, it is an error of the line without its text."""

    async def fetch() -> str:
        raise Odd("zq7-secret")

    async with PartooClient(fetch, server="http://127.0.0.1:9", retry=FAST, ssl_context=TLS) as client:
        with pytest.raises(APIConnectionError, match="the callable raised Odd") as caught:
            await client.groups.get(7, 42)
    assert "zq7-secret" not in repr(caught.value)
