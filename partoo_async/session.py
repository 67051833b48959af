"""The session manager: one server, one key, one quota, one transport; it sends operations and keeps what is promised.

The promises are those of a call: bounded by its deadline, within the quota, retried where that is safe, and ended by
a typed value or by one error of ours.
"""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call import Call
from partoo_async._convert import Decoder
from partoo_async._retry import RetryThrottle
from partoo_async._secret import protect
from partoo_async._settings import Settings
from partoo_async._transport import Transport
from partoo_async.errors import ClientClosedError, ConfigurationError
from partoo_async.policy import Priority, RateLimit, RetryPolicy
from partoo_async.quota import Concurrency, Quota, QuotaSnapshot, shared_quota

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Awaitable, Callable

    import aiohttp

    from partoo_async._operations import Operation
    from partoo_async.events import Event
    from partoo_async.servers import Server

__all__ = ["PartooSession"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async")


class PartooSession:
    """Sends operations to one server with one key. ``PartooClient`` is the friendlier face of it.

    Arguments are those of ``PartooClient``. Raises ``ConfigurationError`` for a bad one, before anything is sent.
    """

    _transport: Transport | None = None  # these two for __del__, when __init__ raised
    _parent: PartooSession | None = None

    def __init__(
        self,
        api_key: str | Callable[[], Awaitable[str]] | None = None,
        *,
        server: Server | str | None = None,
        timeout: float = 90.0,
        attempt_timeout: float = 15.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen
        max_concurrency: int = 32,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        on_event: Callable[[Event], object] | None = None,
        strict: bool = False,
        quota: Quota | None = None,
    ) -> None:
        api_key = protect(api_key)
        self.settings: Settings = Settings.resolve(
            api_key=api_key,
            server=server,
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            retry=retry,
            rate_limit=rate_limit,
            max_concurrency=max_concurrency,
            on_event=on_event,
            strict=strict,
        )
        if quota is not None and not isinstance(quota, Quota):
            raise ConfigurationError(f"quota: expected a Quota or None, not {type(quota).__name__}")
        self._transport = Transport(session=session, proxy=proxy, trust_env=trust_env, ssl_context=ssl_context)
        self._quota = quota
        self._own_quota = quota is None
        self._start()

    def _start(self) -> None:
        settings = self.settings
        self.concurrency: Concurrency = Concurrency(settings.max_concurrency)
        self.throttle: RetryThrottle = RetryThrottle()
        self.decoder: Decoder = Decoder(strict=settings.strict)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._closed = False
        self._event_failed = False

    def __repr__(self) -> str:
        if not hasattr(self, "_closed"):  # a debugger may ask in the middle of a construction error
            return f"<{type(self).__name__} being made>"
        state = "closed" if self.closed else "open"
        return f"<{type(self).__name__} {self.settings.server.name} {state}>"

    def with_options(self, **changes: Any) -> PartooSession:
        """Return a session with other options that shares this one's connections, quota and cap.

        Closing this one closes all; closing the copy leaves this one open. Raises ``ConfigurationError`` for an
        option that cannot be changed (those of the connections).
        """
        if "api_key" in changes:
            changes["api_key"] = protect(changes["api_key"])
        copy = PartooSession.__new__(PartooSession)
        copy.settings = self.settings.change(**changes)
        copy._transport = self._transport
        copy._parent = self
        # Another organization has another quota; an explicit one is the caller's decision and stays.
        same = not self._own_quota or copy.settings.identity == self.settings.identity
        copy._own_quota = self._own_quota
        copy._quota = self._quota if same and "rate_limit" not in changes else None
        copy._start()
        copy._pid = self._pid
        if "max_concurrency" not in changes:
            copy.concurrency = self.concurrency
        copy.throttle = self.throttle
        if "strict" not in changes:
            copy.decoder = self.decoder
        return copy

    def with_own_drift(self) -> PartooSession:
        """Return a session that shares everything but the count of drift, which starts empty."""
        copy = self.with_options()
        copy.decoder = Decoder(strict=self.settings.strict)
        return copy

    @property
    def drift(self) -> Counter[str]:
        """What differed from the documentation in the answers so far, and in how many of them."""
        return self.decoder.drift

    @property
    def closed(self) -> bool:
        """Whether the session, or the one whose connections it shares, was closed."""
        return self._closed or self.transport.closed

    @property
    def transport(self) -> Transport:
        """The connections."""
        assert self._transport is not None  # noqa: S101 - only while __init__ raises is it None
        return self._transport

    @property
    def quota(self) -> Quota:
        """The quota that calls use here; the shared one is found when an event loop runs."""
        if self._quota is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return Quota(self.settings.rate_limit)
            self._quota = shared_quota(loop, self.settings.identity, self.settings.rate_limit)
        return self._quota

    def quota_snapshot(self) -> QuotaSnapshot:
        """Return the present state of the quota."""
        return self.quota.snapshot()

    async def send(
        self, operation: Operation[T], *, priority: Priority = Priority.INTERACTIVE, call: Call | None = None
    ) -> T:
        """Send an operation and return its typed result.

        Raises any error of the tree in ``partoo_async.errors`` but ``ScanError``; see there for which means what.
        ``call``, if given, is filled with what happened.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._closed:
            self._bind(loop)
        if os.getpid() != self._pid:
            raise ClientClosedError(
                "this client was made in another process, before a fork; make a client in each process"
            )
        if call is None:
            call = Call()
        return await call.run(self, operation, priority, loop)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tie the session to the first loop that uses it: its connections and waiters cannot serve another."""
        if self.closed:
            raise ClientClosedError("this client is closed; make a new one")
        if self._parent is not None:
            self._parent._bind(loop)
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClientClosedError(
                "this client belongs to another event loop; make one client per loop, inside the loop that uses it"
            )

    def emit(self, event: Event) -> None:
        """Tell ``on_event``. Its errors are logged once and never break a call."""
        on_event = self.settings.on_event
        if on_event is None:
            return
        try:
            on_event(event)
        except Exception:
            if not self._event_failed:
                self._event_failed = True
                _logger.exception("on_event raised; this is logged once, and the calls go on")

    async def aclose(self) -> None:
        """Close the connections, unless they are a caller's or those of the session that this one was made from."""
        self._closed = True
        if self._parent is None:
            await self.transport.aclose()

    async def __aenter__(self) -> PartooSession:
        self._bind(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # A warning only: closing sockets takes a running loop, and there may be none.
        if self._transport is not None and self._parent is None and self._transport.leaks:
            warnings.warn(
                "a PartooClient was never closed; use 'async with PartooClient(...)' or 'await client.aclose()'",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
