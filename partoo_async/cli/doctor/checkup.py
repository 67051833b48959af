"""All checks, in the order in which a request meets their subjects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from attrs import evolve, frozen

from partoo_async import PartooClient
from partoo_async._internal.callables import in_daemon
from partoo_async._internal.secret import Secret
from partoo_async.cli.doctor import setup
from partoo_async.cli.doctor.api import Response, judge_error, judge_response
from partoo_async.cli.doctor.finding import Finding, Mark, failed, skipped
from partoo_async.cli.doctor.network import Place, check_connection, check_name, check_tls
from partoo_async.cli.doctor.proxies import check_proxies
from partoo_async.cli.doctor.quotas import check_quota
from partoo_async.cli.exit_codes import UNREACHED, USAGE, exit_code
from partoo_async.cli.text import one_line
from partoo_async.errors import APITimeoutError, ConfigurationError, PartooError
from partoo_async.servers import PRODUCTION, Server

__all__ = ["Checkup"]


@frozen
class Checkup:
    """What to look at.

    ``find_key`` returns the key for a server, and where it is from. ``limit``: seconds for each step. ``connect`` makes
    the client for the one request.
    """

    server: str | None
    quota: str | None
    find_key: Callable[[Server], tuple[Secret, str]]
    environment: Mapping[str, str]
    limit: float
    connect: Callable[[Secret], PartooClient]

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield each finding as soon as it is known."""
        async for finding in _unbroken("versions", _one(setup.check_versions)):
            yield finding
        async for finding in _unbroken("fast path", _one(setup.check_fast_path)):
            yield finding
        async for finding in _unbroken("environment", _one(setup.check_environment, self.environment)):
            yield finding
        server, finding = setup.check_server(self.server, self.environment)
        yield finding
        # Of any server, if none can be used: a mistake in the key shows all the same.
        key, finding = await self._key(server or PRODUCTION)
        yield finding
        reached = False
        if server is None:
            yield skipped("connection", "not tried without a usable server")
        else:
            async for finding in _unbroken("connection", self._way_to(server)):
                if finding.check in ("connection", "tls"):
                    reached = finding.mark in (Mark.OK, Mark.WARNING)
                yield finding
        if key is None or not reached:
            yield skipped("http", f"not tried without {'a connection' if not reached else 'a usable key'}")
            last = self._quota()
        else:
            last = self._request(key)
        async for finding in _unbroken("http", last):
            yield finding

    async def _key(self, server: Server) -> tuple[Secret | None, Finding]:
        try:
            async with asyncio.timeout(self.limit):
                # A keyring may ask for its password.
                return await in_daemon(setup.check_key, partial(self.find_key, server), self.environment)
        except TimeoutError:
            text = f"it was not found within {self.limit:g} s"
            return None, failed("key", text, "unlock the keyring, or set PARTOO_API_KEY", USAGE)

    async def _way_to(self, server: Server) -> AsyncIterator[Finding]:
        parts = urlsplit(server.base_url)
        host = parts.hostname or ""
        place = Place(host, parts.port or (443 if parts.scheme == "https" else 80), self.limit)
        proxy, finding = check_proxies(server)
        yield finding
        if finding.mark is Mark.FAILED:
            return
        if proxy is not None:
            async for finding in self._way_to_proxy(proxy):
                yield finding
            return
        addresses, finding = await check_name(place)
        yield finding
        address = None
        if addresses:
            address, finding = await check_connection(place, addresses)
            yield finding
        if address is not None and parts.scheme == "https":
            yield await check_tls(place, address, time.time())

    async def _way_to_proxy(self, proxy: str) -> AsyncIterator[Finding]:
        """It looks up the server's name, and the request tells of TLS behind it."""
        parts = urlsplit(proxy)
        place = Place(parts.hostname or "", parts.port or 80, self.limit)
        addresses, finding = await check_name(place)
        if addresses:
            yield finding
            _, finding = await check_connection(place, addresses)
        if finding.mark is Mark.FAILED:
            advice = "look at the variable, and whether the proxy runs"
            finding = evolve(finding, text=f"the proxy: {finding.text}", advice=advice)
        yield finding

    async def _request(self, key: Secret) -> AsyncIterator[Finding]:
        try:
            client = self.connect(key)
        except ConfigurationError as error:
            yield failed("http", f"not tried: {one_line(str(error))}", "mend the option or variable", USAGE)
            yield await check_quota(self.quota, self.environment, None, self.limit)
            return
        try:
            for finding in await self._ask(client):
                yield finding
            yield await check_quota(self.quota, self.environment, client.quota, self.limit)
        finally:
            with suppress(PartooError, TimeoutError):
                async with asyncio.timeout(self.limit):
                    await client.aclose()

    async def _ask(self, client: PartooClient) -> list[Finding]:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(2 * self.limit):
                found = await client.request("GET", "/sections", params={"page": 1}, raw=True)
        except PartooError as error:
            return judge_error(error, time.time(), time.perf_counter() - start)
        except TimeoutError:  # of the limit here: the client's own is a PartooError
            late = APITimeoutError(f"no response within {2 * self.limit:g} s")
            return judge_error(late, time.time(), time.perf_counter() - start)
        took = time.perf_counter() - start
        return judge_response(Response(found.status, found.headers, found.body, time.time(), took))

    async def _quota(self) -> AsyncIterator[Finding]:
        yield await check_quota(self.quota, self.environment, None, self.limit)


async def _one(check: Callable[..., Finding], *arguments: object) -> AsyncIterator[Finding]:
    yield check(*arguments)


async def _unbroken(check: str, findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """Whatever a broken environment makes of one check, the others are made."""
    try:
        async for finding in findings:
            yield finding
    except PartooError as error:
        yield failed(check, one_line(str(error)), "look at the options and variables", exit_code(error))
    except Exception as error:
        advice = "look whether the installation is whole: this is a fault of the check, not of what it looks at"
        yield failed(check, f"the check itself failed: {type(error).__name__}", advice, UNREACHED)
