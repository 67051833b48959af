"""The life of the client's own aiohttp session: what it needs to begin, and how it ends in every event loop."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from partoo_async._transport.connector import GuardedConnector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import aiohttp

__all__ = ["abandon", "close", "ends_with_its_loop", "prepare"]


def prepare(context: ssl.SSLContext | None, warm_up: Callable[[], object]) -> ssl.SSLContext:
    """Return the TLS context to use, after ``warm_up``. For a thread: reading the certificates takes milliseconds."""
    warm_up()
    return context or ssl.create_default_context()


async def close(session: aiohttp.ClientSession) -> None:
    """Close a session of ours without waiting for anybody."""
    connector = session.connector
    if isinstance(connector, GuardedConnector):
        connector.abort_unsent()
    await session.close()


async def _closing(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await close(session)


async def ends_with_its_loop(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close a session when its event loop is shut down, as ``asyncio.run`` does; keep what this returns until then.

    A client outlives the loop that it was used in, but its sockets do not: nobody could close them later.
    """
    ending = _closing(session)
    await anext(ending)  # event loops end the generators that were begun in them
    return ending


def abandon(session: aiohttp.ClientSession | None) -> None:
    """Let go of a session whose event loop was closed without being shut down: its sockets are closed here."""
    if session is None or session.closed:
        return
    connector = session.connector
    if isinstance(connector, GuardedConnector):
        connector.abandon()
    closing = session.close()
    # It waits for nothing when its loop is closed. What was looked up in that loop cannot be cancelled any more.
    with contextlib.suppress(StopIteration, RuntimeError):
        closing.send(None)
    closing.close()
