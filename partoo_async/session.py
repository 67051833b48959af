"""The session manager: one server, one key, one quota, one transport; it sends operations and keeps what is promised.

The promises are those of a call: bounded by its deadline, within the quota, retried where that is safe, and ended by
a typed value or by one error of ours.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from attrs import evolve

from partoo_async._call.call import Call
from partoo_async._call.context import CallContext, Resends
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._call.lifecycle import Lifecycle
from partoo_async._call.quotas import Quotas
from partoo_async._call.read_cache import ReadCache
from partoo_async._call.retrying import RetryThrottle, import_for_errors
from partoo_async._call.settings import Settings
from partoo_async._call.shared_read import read_as_told
from partoo_async._call.single_flight import SingleFlight
from partoo_async._internal.checks import check_seconds
from partoo_async._internal.secret import Secret, hide, protect
from partoo_async._protocol.decoding import Decoder
from partoo_async._transport import AiohttpTransport
from partoo_async.errors import ClientClosedError, ConfigurationError
from partoo_async.events import Emitter
from partoo_async.policy import Priority, RateLimit, RetryPolicy
from partoo_async.quota import Concurrency

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Awaitable, Callable

    import aiohttp

    from partoo_async._protocol.operations import Operation
    from partoo_async._transport import Transport
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
        transport: Transport | None = None,
    ) -> None:
        api_key, proxy = protect(api_key), hide(proxy)
        settings = Settings.resolve(
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
        self._start(
            CallContext(
                settings=settings,
                transport=_make_transport(transport, session, proxy, trust_env, ssl_context, on_event),
                quotas=Quotas(settings, quota),
                lifecycle=Lifecycle(),
                concurrency=Concurrency(settings.max_concurrency),
                throttle=RetryThrottle(),
                decoder=Decoder(strict=settings.strict),
                emit=Emitter(settings.on_event),
            )
        )
        self._family = WeakSet((self._reads,))  # those of copies, too: a write through one is a write

    def _start(self, context: CallContext) -> None:
        self.context: CallContext = context
        """What its calls share; of no use outside of this package."""
        if self._own_concurrency:
            context.concurrency = Concurrency(context.settings.max_concurrency, context.transport.pool)
        self._reads = self._make_reads()

    def _make_reads(self) -> SingleFlight:
        ttl = self.settings.cache_ttl
        return SingleFlight(None if ttl is None else ReadCache(ttl))

    def __repr__(self) -> str:
        if not hasattr(self, "context"):  # a debugger may ask in the middle of a construction error
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
        ours, settings = self.context, self.settings.change(**changes)
        copy = PartooSession.__new__(PartooSession)
        copy._parent = self
        copy._own_concurrency = "max_concurrency" in changes
        copy._start(
            evolve(
                ours,
                settings=settings,
                quotas=ours.quotas.copy(settings, anew="rate_limit" in changes),
                lifecycle=Lifecycle(ours.lifecycle),
                decoder=Decoder(strict=settings.strict) if "strict" in changes else ours.decoder,
                emit=Emitter(settings.on_event) if "on_event" in changes else ours.emit,
                decode_budget=DecodeBudget(),
                resends=Resends(),
            )
        )
        copy._family = self._family
        copy._family.add(copy._reads)
        return copy

    def with_own_drift(self) -> PartooSession:
        """Return a session that shares everything but the count of drift, which starts empty."""
        copy = self.with_options()
        copy.context.decoder = Decoder(strict=self.settings.strict)
        return copy

    @property
    def settings(self) -> Settings:
        """The options, checked."""
        return self.context.settings

    @property
    def drift(self) -> Counter[str]:
        """What differed from the documentation in the answers so far, and in how many of them."""
        return self.context.decoder.drift

    @property
    def closed(self) -> bool:
        """Whether the session, or the one whose connections it shares, was closed."""
        return self.context.lifecycle.closed or self.context.transport.closed

    @property
    def quota(self) -> Quota:
        """The quota that calls use here: with a callable for the key, that of the key that it gave last."""
        return self.context.quotas.latest

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
        context = self.context
        if loop is not context.lifecycle.loop or context.lifecycle.closed:
            self._bind(loop)
        if operation.request.method != "GET":  # whether it may be repeated or not
            return await self._write(operation, priority, call, loop)
        if not operation.shareable or call is not None or priority is not Priority.INTERACTIVE:
            return await (call or Call()).run(context, operation, priority, loop)
        until = min(loop.time() + context.settings.timeout, ambient_deadline())
        key = context.settings.api_key
        if not isinstance(key, Secret):
            return await read_as_told(context, self._reads, operation, until, fresh=fresh)
        result: T = await self._reads.get(
            operation.request.path,
            lambda until: Call(until=until).run(context, operation, priority, loop),
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
            return await (call or Call()).run(self.context, operation, priority, loop)
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
        context = self.context
        if context.lifecycle.bind(loop):
            if self._parent is None:
                context.transport.forget_loop()
            context.quotas.forget()
            context.concurrency = Concurrency(context.settings.max_concurrency, context.transport.pool)
            context.decode_budget, context.resends = DecodeBudget(), Resends()
            self._reads = self._make_reads()
            self._family.add(self._reads)
        if self._parent is not None and not self._own_concurrency:
            context.concurrency = self._parent.context.concurrency  # perhaps made anew just now

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Refuse new calls, give those under way ``grace`` seconds, and close the connections. Safe to call twice.

        Then calls that still wait, for quota or for another try, raise ``ClientClosedError``, as do those whose request
        is out. The connections of a caller's aiohttp session stay open, and so do those of the session that this one
        was made from.
        """
        grace = check_seconds("grace", grace, zero=True)
        self.context.lifecycle.close()
        try:
            await self.context.lifecycle.finish(grace)
        finally:
            if self._parent is None:
                await self.context.transport.aclose()

    async def __aenter__(self) -> PartooSession:
        self._bind(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _make_transport(
    given: Transport | None,
    session: aiohttp.ClientSession | None,
    proxy: str | None,
    trust_env: bool,
    ssl_context: ssl.SSLContext | None,
    on_event: Callable[[Event], object] | None,
) -> Transport:
    if given is None:
        return AiohttpTransport(
            session=session,
            proxy=proxy,
            trust_env=trust_env,
            ssl_context=ssl_context,
            on_event=on_event,
            warm_up=import_for_errors,
        )
    for name, value in {"session": session, "proxy": proxy, "trust_env": trust_env, "ssl_context": ssl_context}.items():
        if value:
            raise ConfigurationError(f"{name}: belongs to the client's own transport; leave it out, or leave transport")
    return given
