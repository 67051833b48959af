"""What a client that nobody closed leaves behind: one sentence, and closed connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
import warnings
from typing import TYPE_CHECKING
from weakref import finalize

from partoo_async._transport.connector import GuardedConnector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp

__all__ = ["Leftovers", "close_without_loop"]

_logger = logging.getLogger("partoo_async")
_UNCLOSED = "a PartooClient was never closed; use 'async with PartooClient(...)' or 'await client.aclose()'"


class Leftovers:
    """The session of a transport, which is closed when that is collected, or when the interpreter exits."""

    # Without this aiohttp would tell of its session, its connector and each connection. A finalizer, since it runs
    # before any ``__del__`` of the same cycle of objects.

    def __init__(self, owner: object, session: aiohttp.ClientSession, loop_end: AsyncGenerator[None]) -> None:
        self._session, self._loop_end = session, loop_end
        self._was_open = False
        self._loop = asyncio.get_running_loop()
        self._finalizer = finalize(owner, self._release)

    def _release(self) -> None:
        if self._session.closed:
            return
        self._was_open = True
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(_close_soon, self._session, self._loop)  # whichever thread collects
        else:
            close_without_loop(self._session)
            # Ended here, or its event loop, which may never run again, would be asked to do it.
            ending = self._loop_end.aclose()
            with contextlib.suppress(StopIteration, RuntimeError):
                ending.send(None)
            ending.close()

    def disown(self) -> None:
        """Leave the session to the caller, who closes it."""
        self._finalizer.detach()

    def complain(self, owner: object) -> None:
        """Say that the owner was not closed, if that is so. Called when it is collected."""
        if (self._session.closed and not self._was_open) or sys.is_finalizing():
            return
        # Python hides this kind of warning, but for tests and developers: who sees none shall see the log.
        if _is_hidden():
            _logger.warning("%s", _UNCLOSED)
        warnings.warn(_UNCLOSED, ResourceWarning, source=owner, stacklevel=3)


def _is_hidden() -> bool:
    for action, text, kind, module, _ in warnings.filters:
        # Those for a single module are about the code of others.
        if issubclass(ResourceWarning, kind) and module is None and (text is None or re.match(text, _UNCLOSED)):
            return action == "ignore"
    return False


def _close_soon(session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> None:
    closing = loop.create_task(session.close())
    _closing.add(closing)  # the loop keeps a weak reference alone
    closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()


def close_without_loop(session: aiohttp.ClientSession) -> None:
    """Close a session whose event loop does not run."""
    if isinstance(session.connector, GuardedConnector):
        session.connector.close_sockets()
        session.connector.let_go()
    closing = session.close()
    # It awaits nothing when its loop is closed. A lookup that was begun in that loop cannot be cancelled any more.
    with contextlib.suppress(StopIteration, RuntimeError):
        closing.send(None)
    closing.close()
