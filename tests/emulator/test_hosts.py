"""Under which names the emulator answers: no web site reaches it by way of somebody's browser."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from partoo_async import ConfigurationError, PartooClient, PermissionDeniedError
from partoo_async.emulator import Emulator

PAGES = ["/", "/status.json", "/favicon.ico", "/v2/sections", "/v2/sections/7/groups/42", "/nonsense"]


@asynccontextmanager
async def asking(**options: object) -> AsyncIterator[tuple[Emulator, aiohttp.ClientSession]]:
    async with Emulator(**options) as emulator, aiohttp.ClientSession() as session:  # type: ignore[arg-type]
        yield emulator, session


async def status(emulator: Emulator, session: aiohttp.ClientSession, host: str, path: str = "/v2/sections/7") -> int:
    url = emulator.url.removesuffix("/v2") + path
    async with session.get(url, headers={"Host": host, "x-APIKey": emulator.api_key}) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("path", PAGES)
async def test_a_name_that_a_web_site_can_have_is_refused(path: str) -> None:
    """A 403 on the page, its feed and the API, whatever the key; it is not in the log of requests."""
    async with asking() as (emulator, session):
        for host in (
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a@b.example",
        ):
            assert await status(emulator, session, host, path) == 403
        assert emulator.requests == ()


LOOPBACK = [
    "localhost",
    "LOCALHOST:1",
    "app.localhost:80",
    "localhost.",
    "127.0.0.1",
    "127.8.8.8:80",
    "[::1]:80",
    "[::1]",
]


@pytest.mark.parametrize("host", [*LOOPBACK, "192.168.1.20:8080", "emulator", "emulator:8080", ""])
async def test_names_of_this_machine_are_answered(host: str) -> None:
    """Loopback, addresses, and names without a dot, as containers and the backends of proxies have: no site has one."""
    async with asking() as (emulator, session):
        assert await status(emulator, session, host) == 200


async def test_other_names_are_allowed_by_an_argument() -> None:
    """Behind a proxy that passes its own name on; in any case, and with any port."""
    async with asking(allowed_hosts=["Partoo.Example", "other.example"]) as (emulator, session):
        hosts = ["partoo.example", "PARTOO.example:8443", "partoo.example.", "other.example", "third.example"]
        assert [await status(emulator, session, host) for host in hosts] == [200, 200, 200, 200, 403]


async def test_the_host_that_it_listens_on_is_one_of_its_names() -> None:
    """A name that leads here is no stranger's; looked up nowhere for this."""
    emulator = Emulator(host="emulator.example")
    emulator._listener.host, real = "127.0.0.1", emulator._listener.host
    assert real == "emulator.example"
    async with emulator, aiohttp.ClientSession() as session:
        assert await status(emulator, session, "Emulator.example:80") == 200


async def test_a_refusal_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    """To the client, in the documented shape, and once for each name to the log."""
    caplog.set_level(logging.WARNING, "partoo_async.emulator")
    async with asking() as (emulator, session):
        url = f"{emulator.url}/sections"
        for _ in range(2):
            async with session.get(url, headers={"Host": "evil.example"}) as response:
                body = await response.json()
        assert body == {
            "errors": {"authorization": "Unknown host 'evil.example': allow it with allowed_hosts, or --allow-host"}
        }
        assert [record.getMessage() for record in caplog.records] == [
            "the emulator refused a request to host 'evil.example'; to allow it, use allowed_hosts"
        ]
        async with aiohttp.ClientSession(headers={"Host": "evil.example"}) as named:
            client = PartooClient(emulator.api_key, server=emulator.server, session=named)
            async with client:
                with pytest.raises(PermissionDeniedError, match="Unknown host 'evil.example'"):
                    await client.groups.get(7, 42)


@pytest.mark.parametrize("names", ["partoo.example", 7, None, [7], ["a:80"], ["http://a"], [""], ["a b"]])
async def test_other_things_are_no_names(names: object) -> None:
    """Each is refused at once; a str would be taken for its letters."""
    with pytest.raises(ConfigurationError, match="^allowed_hosts: expected "):
        Emulator(allowed_hosts=names)  # type: ignore[arg-type]
