"""The store for any number of hosts: a Redis key, changed by one Lua script. The owner of redis-py."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from partoo_async._internal.extras import needs_extra
from partoo_async._internal.text import one_line
from partoo_async.quota.shared.messages import Reply
from partoo_async.quota.shared.store import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from partoo_async.quota.shared.messages import Report, State, Terms

__all__ = ["RedisStore"]

_SCRIPT: Final = Path(__file__).with_name("rules.lua").read_text(encoding="utf-8")
# One to talk, and one for an exchange that begins while a cancelled one still closes its own.
_CONNECTIONS = 2
# Timeouts for the first connection.
_OPENING = 4


class RedisStore:
    """One quota in a Redis server.

    Args:
        url: The server.
        name: The key.
        timeout: Seconds for an exchange, connecting included.
    """

    def __init__(self, url: str, name: str, timeout: float) -> None:
        self._url, self._name, self._timeout = url, name, timeout
        self._client: Any = None
        self._script: Any = None
        # Here, and not when it connects: this takes longer than an exchange may.
        with needs_extra("redis", "redis", "a quota in Redis"):
            import redis.asyncio  # noqa: PLC0415 - an extra

        self._library: Any = redis

    async def open(self) -> None:
        """Connect, and read what is there."""
        # What a connection asks before its first question takes several exchanges, and nothing can go on without it.
        await self._look_at(self._name, self._timeout * _OPENING)

    def _connected(self) -> Any:
        if self._client is None:
            library = self._library
            # The keeper tries again by itself: retries of the library would multiply the timeout.
            self._client = library.asyncio.Redis.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                retry=library.asyncio.retry.Retry(library.backoff.NoBackoff(), 0),
                protocol=2,  # fewer questions when it connects
            )
            self._script = self._client.register_script(_SCRIPT)
        return self._client

    async def exchange(self, report: Report, terms: Terms, now: int | None = None) -> Reply:
        """Run the script. ``now``: another time than the server's, for tests."""
        self._connected()
        arguments = [_encode(report), _encode(terms), "" if now is None else now]
        answer = await self._ask(self._script(keys=[self._name], args=arguments))
        reply = Reply(*json.loads(answer))
        if reply.n != report.n:
            # The answer to an earlier exchange, which was cancelled while it was read.
            await self.aclose()
            raise StoreError(f"Redis answered exchange {reply.n} in place of {report.n}")
        return reply

    async def look(self) -> tuple[State, int] | None:
        """Read the state and the server's time."""
        return await self._look_at(self._name)

    async def _look_at(self, name: str, timeout: float | None = None) -> tuple[State, int] | None:
        client = self._connected()
        kept = await self._ask(client.get(name), timeout)
        seconds, microseconds = await self._ask(client.time())
        try:
            state: State = json.loads(kept or "null")
            for owner in state["owners"].values():
                owner["cooling"] = list(owner["cooling"])  # Lua writes an empty one as {}
        except (LookupError, TypeError, ValueError):
            return None  # none, or not one of ours
        return state, seconds * 1000 + microseconds // 1000

    async def look_all(self) -> AsyncIterator[tuple[str, State, int]]:
        """Yield each quota of the database: its key, its state and the server's time."""
        cursor, keys = 0, set[bytes]()
        while True:
            cursor, more = await self._ask(self._connected().scan(cursor, match="partoo:quota:*", count=1000))
            keys.update(more)
            if cursor == 0:
                break
        for name in sorted(key.decode() for key in keys):
            if (found := await self._look_at(name)) is not None:
                yield name, *found

    async def _ask(self, question: Any, timeout: float | None = None) -> Any:
        seconds = timeout or self._timeout
        try:
            # Around all of it: the library's own bounds are for each of connecting, sending and reading.
            async with asyncio.timeout(seconds):
                return await question
        except TimeoutError as error:
            raise StoreError(f"Redis gave no answer in {seconds:g} s") from error
        except (self._library.exceptions.RedisError, OSError) as error:
            raise StoreError(f"Redis: {one_line(str(error)) or type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(self._library.exceptions.RedisError, OSError):  # it is gone already
                await client.aclose()

    def abandon(self) -> None:
        """Close the sockets without an event loop."""
        client, self._client = self._client, None
        if client is not None:
            for connection in _connections_of(client.connection_pool):
                _forget(connection)


def _connections_of(pool: Any) -> list[Any]:
    # There is no public way, here and below: both close in a callback of the event loop.
    lists = (getattr(pool, name, ()) for name in ("_available_connections", "_in_use_connections"))
    return [connection for found in lists for connection in found]


def _forget(connection: Any) -> None:
    writer = getattr(connection, "_writer", None)
    connection._reader = connection._writer = None
    outer: Any = getattr(writer, "transport", None)
    # That of TLS has another one beneath. What is closing neither warns nor calls its loop when it is collected.
    for transport in (outer, getattr(getattr(outer, "_ssl_protocol", None), "_transport", None)):
        if transport is not None:
            transport._closing = transport._closed = True
            if (socket := getattr(transport, "_sock", None)) is not None:
                socket.close()
                transport._sock = None


def _encode(values: Report | Terms) -> str:
    return json.dumps(values._asdict())
