"""An emulator and a client for the tests of your own application, with pytest (extra ``testing``) or without."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from partoo_async._internal.reprs import total_repr
from partoo_async._transport.mock import MockRequest, MockResponse, MockTransport
from partoo_async.client import PartooClient
from partoo_async.emulator import Emulator
from partoo_async.policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self

__all__ = ["MockRequest", "MockResponse", "MockTransport", "ThreadedEmulator", "make_client", "make_emulator"]


@total_repr
class ThreadedEmulator(Emulator):
    """An ``Emulator`` in a thread of its own, for a ``with`` block: usable from any event loop, or none.

    ``await emulator.stop()`` and ``await emulator.start()`` make an outage.
    """

    _thread: Thread | None = None
    _failure: BaseException | None = None
    _loop: asyncio.AbstractEventLoop
    _over: asyncio.Event

    async def start(self) -> None:
        """Listen again on the same port.

        Raises:
            RuntimeError: It is running.
        """
        await self._in_thread(super().start())

    async def stop(self) -> None:
        """Stop listening and close every connection. Safe to repeat."""
        await self._in_thread(super().stop())

    async def _in_thread(self, work: Coroutine[Any, Any, None]) -> None:
        if self._thread is None:
            work.close()
            raise RuntimeError("a ThreadedEmulator runs in a `with` block, not in `async with` or by itself")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def __enter__(self) -> Self:
        opened: Future[None] = Future()
        self._failure = None
        # A daemon: an interrupted test run must not hang on it.
        thread = Thread(target=self._run, args=(opened,), name="partoo-emulator", daemon=True)
        try:
            thread.start()
            opened.result()
        except BaseException:
            # Ctrl-C while it starts: it stops by itself, and is not waited for, since looking its host up may take
            # long. Otherwise it has failed, or has started in this moment.
            if not opened.cancel():
                self._end(thread, running=opened.exception() is None)
            raise
        self._thread = thread
        return self

    def __exit__(self, *_: object) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._end(thread, running=True)
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure

    def _end(self, thread: Thread, *, running: bool) -> None:
        if running:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._over.set)
        thread.join()

    def _run(self, opened: Future[None]) -> None:
        try:
            # Not asyncio.run: without a handle left for a loop, the coroutine would never be awaited.
            with asyncio.Runner() as runner:
                runner.run(self._live(opened))
        except BaseException as error:
            # Raised again in __enter__ or __exit__: nobody sees what a thread raises.
            if opened.done():
                self._failure = error
            elif opened.set_running_or_notify_cancel():
                opened.set_exception(error)

    async def _live(self, opened: Future[None]) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        await super().start()
        try:
            if opened.set_running_or_notify_cancel():
                opened.set_result(None)
                await self._over.wait()
        finally:
            await super().stop()


def make_emulator(**options: Any) -> ThreadedEmulator:
    """Return an emulator for a ``with`` block, by default without a rate limit.

    Args:
        **options: Those of ``Emulator``; with ``profile`` or ``groups``, those of ``Emulator.with_profile``.

    Raises:
        ConfigurationError: An option is wrong.
    """
    options = {"rate_limit": None} | options
    if options.get("profile") is None and options.get("groups") is None:
        options = {name: value for name, value in options.items() if name not in ("profile", "groups")}
        return ThreadedEmulator(**options)
    return ThreadedEmulator.with_profile(**options)


def make_client(emulator: Emulator, **options: Any) -> PartooClient:
    """Return a client that retries within 0.01 seconds and gives up after 10.

    Args:
        emulator: What it talks to; running.
        **options: Those of ``PartooClient``, which win over these defaults.
    """
    # No rate limit of its own: a 429 comes only if the emulator has a limit or plays one.
    defaults: dict[str, Any] = {
        "server": emulator.server,
        "retry": RetryPolicy(initial_backoff=0.001, max_backoff=0.01),
        "rate_limit": None,
        "timeout": 10.0,
    }
    return PartooClient(**{"api_key": emulator.api_key} | defaults | options)
