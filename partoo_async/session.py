"""The session manager: one server, one key, one quota, one transport; it sends operations and keeps what is promised.

The promises are those of a call: bounded by its deadline, within the quota, retried where that is safe, and ended by
a typed value or by one error of ours.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from partoo_async._call.call import Call
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.decode_budget import Turns
from partoo_async._call.lifecycle import Lifecycle
from partoo_async._call.quotas import Quotas
from partoo_async._call.resend import Resends
from partoo_async._call.retrying import RetryThrottle, import_for_errors
from partoo_async._call.settings import Settings
from partoo_async._call.shared_read import read_as_told
from partoo_async._call.single_flight import Reads
from partoo_async._internal.secret import Secret, hide, protect
from partoo_async._protocol.decoding import Decoder
from partoo_async._transport import Transport
from partoo_async.errors import ClientClosedError
from partoo_async.events import Emitter
from partoo_async.policy import Priority, RateLimit, RetryPolicy, check_seconds
from partoo_async.quota import Concurrency

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Awaitable, Callable

    import aiohttp

    from partoo_async._protocol.operations import Operation
    from partoo_async.events import Event
    from partoo_async.quota import Quota
    from partoo_async.servers import Server

__all__ = ["PartooSession"]

T = TypeVar("T")


class PartooSession:
    """Sends operations to one server with one key. ``PartooClient`` is the friendlier face of it.

    Arguments are those of ``PartooClient``. Raises ``ConfigurationError`` for a bad one, before anything is sent.
    """

    _parent: PartooSession | None = None
    _own_concurrency = True

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
        cache_ttl: float | None = None,
        quota: Quota | None = None,
    ) -> None:
        api_key, proxy = protect(api_key), hide(proxy)
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
            cache_ttl=cache_ttl,
        )
        self.quotas: Quotas = Quotas(self.settings, quota)
        self.transport: Transport = Transport(
            session=session,
            proxy=proxy,
            trust_env=trust_env,
            ssl_context=ssl_context,
            on_event=on_event,
            warm_up=import_for_errors,
        )
        self.pool: int = self.transport.pool
        self.life: Lifecycle = Lifecycle()
        self.concurrency: Concurrency = Concurrency(self.settings.max_concurrency, self.pool)
        self._start()

    def _start(self) -> None:
        settings = self.settings
        self.throttle: RetryThrottle = RetryThrottle()
        self.decoder: Decoder = Decoder(strict=settings.strict)
        self._reads = Reads(settings.cache_ttl)
        self._family = WeakSet((self._reads,))  # those of copies, too: a write through one is a write
        self.emit: Emitter = Emitter(settings.on_event)
        self.turns: Turns = Turns()
        self.resends: Resends = Resends()

    def __repr__(self) -> str:
        if not hasattr(self, "emit"):  # a debugger may ask in the middle of a construction error
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
        copy.transport, copy.pool = self.transport, self.pool
        copy._parent = self
        copy.quotas = self.quotas.copy(copy.settings, anew="rate_limit" in changes)
        copy.life = Lifecycle(self.life)
        own = copy._own_concurrency = "max_concurrency" in changes
        copy.concurrency = Concurrency(copy.settings.max_concurrency, self.pool) if own else self.concurrency
        copy._start()
        copy._family = self._family
        copy._family.add(copy._reads)
        copy.throttle = self.throttle
        if "strict" not in changes:
            copy.decoder = self.decoder
        if "on_event" not in changes:
            copy.emit = self.emit
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
        return self.life.closed or self.transport.closed

    @property
    def quota(self) -> Quota:
        """The quota that calls use here: with a callable for the key, that of the key that it gave last."""
        return self.quotas.latest

    async def send(
        self,
        operation: Operation[T],
        *,
        priority: Priority = Priority.INTERACTIVE,
        call: Call | None = None,
        fresh: bool = False,
    ) -> T:
        """Send an operation and return its typed result.

        Raises any error of the tree in ``partoo_async.errors`` but ``ScanError``; see there for which means what.
        ``call``, if given, is filled with what happened, and is not shared with others. ``fresh``: take no answer
        that was asked for before.
        """
        loop = asyncio.get_running_loop()
        if loop is not self.life.loop or self.life.closed:
            self._bind(loop)
        if operation.request.method != "GET":  # whether it may be repeated or not
            return await self._write(operation, priority, call, loop)
        if not operation.shareable or call is not None or priority is not Priority.INTERACTIVE:
            return await (call or Call()).run(self, operation, priority, loop)
        until = min(loop.time() + self.settings.timeout, ambient_deadline())
        key = self.settings.api_key
        if not isinstance(key, Secret):
            return await read_as_told(self, self._reads, operation, until, fresh=fresh)
        result: T = await self._reads.get(
            operation.request.path,
            lambda until: Call(until=until).run(self, operation, priority, loop),
            until=until,
            fresh=fresh,
            key=key.fingerprint,
            loop=loop,
        )
        return result

    async def _write(
        self, operation: Operation[T], priority: Priority, call: Call | None, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Send what may change something: whoever reads after it reads anew, even if it seems to have failed."""
        path = operation.request.path
        self._changed(path)
        try:
            return await (call or Call()).run(self, operation, priority, loop)
        finally:
            self._changed(path)

    def _changed(self, path: str) -> None:
        for reads in self._family:
            reads.changed(path)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tie the session to the loop that uses it. A loop that was closed has taken all that waited along."""
        if self.closed:
            raise ClientClosedError("this client is closed; make a new one")
        if self._parent is not None:
            self._parent._bind(loop)
        if self.life.bind(loop):
            if self._parent is None:
                self.transport.forget()
            self.quotas.forget()
            self.concurrency = Concurrency(self.settings.max_concurrency, self.pool)
            self.turns, self.resends = Turns(), Resends()
            self._reads = Reads(self.settings.cache_ttl)
            self._family.add(self._reads)
        if self._parent is not None and not self._own_concurrency:
            self.concurrency = self._parent.concurrency  # perhaps made anew just now

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Refuse new calls, give those under way ``grace`` seconds, and close the connections. Safe to call twice.

        Then calls that still wait, for quota or for another try, raise ``ClientClosedError``, as do those whose request
        is out. The connections of a caller's aiohttp session stay open, and so do those of the session that this one
        was made from.
        """
        grace = check_seconds("grace", grace, zero=True)
        self.life.close()
        try:
            await self.life.finish(grace)
        finally:
            if self._parent is None:
                await self.transport.aclose()

    async def __aenter__(self) -> PartooSession:
        self._bind(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
