"""The session: one server, key, quota and transport. ``client`` and ``scan`` send their operations through it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from weakref import WeakSet

from partoo_async._call.context import CallContext, start_read
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._call.lifecycle import Lifecycle
from partoo_async._call.listening import make_reads, observing
from partoo_async._call.quotas import SessionQuotas, hide_url, resolve_quota
from partoo_async._call.resend import Resender
from partoo_async._call.retrying import RetryThrottle, import_for_errors
from partoo_async._call.settings import Settings, protect_key
from partoo_async._call.telling import tell_refused
from partoo_async._internal.checks import check_seconds
from partoo_async._internal.hints import AsyncOnly
from partoo_async._internal.logs import obey_environment
from partoo_async._internal.secret import Secret, hide, protect
from partoo_async._protocol.decoding import Decoder
from partoo_async._transport import CLOSED, choose_transport
from partoo_async.errors import ClientClosedError
from partoo_async.policy import Priority, RateLimit, RetryPolicy
from partoo_async.quota import Concurrency

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Awaitable, Callable

    import aiohttp

    from partoo_async._call.call import Call
    from partoo_async._call.changes import Changes
    from partoo_async._protocol.operations import Operation
    from partoo_async._transport import Transport
    from partoo_async.events import Event
    from partoo_async.quota import Quota
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.servers import Server

__all__ = ["PartooSession"]

T = TypeVar("T")


class PartooSession(AsyncOnly):
    """Sends operations to one server. Its options are those of ``PartooClient``, its friendlier face.

    Raises:
        ConfigurationError: An option is bad.
    """

    # Of a copy: what it is a copy of, and whether its concurrency limit is its own.
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
        quota: Quota | FileQuota | RedisQuota | str | None = None,
        transport: Transport | None = None,
    ) -> None:
        # First of all, so that no frame of a traceback holds the key or a password.
        api_key, proxy, quota = protect(api_key), hide(proxy), hide_url(quota)
        obey_environment()
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
        own: dict[str, Any] = {"session": session, "proxy": proxy, "trust_env": trust_env, "ssl_context": ssl_context}
        transport = choose_transport(
            transport, **own, on_event=on_event, warm_up=import_for_errors, base_url=settings.server.base_url
        )
        self.context: CallContext = CallContext(
            settings=settings,
            transport=transport,
            quotas=SessionQuotas(settings, resolve_quota(quota, settings.rate_limit)),
            lifecycle=Lifecycle(),
            concurrency=Concurrency(settings.max_concurrency, transport.pool),
            throttle=RetryThrottle(),
            decoder=Decoder(strict=settings.strict),
            **observing(settings.on_event),
        )
        """What its calls share. Private to this package."""
        self._reads = make_reads(self.context)
        # The reads of copies, too: a write through one session makes them all stale.
        self._family = WeakSet((self._reads,))

    def __repr__(self) -> str:
        if not hasattr(self, "context"):  # a debugger may ask while an error is raised by the constructor
            return f"<{type(self).__name__} being made>"
        return f"<{type(self).__name__} {self.settings.server.name} {'closed' if self.closed else 'open'}>"

    def with_options(self, **changes: Unpack[Changes]) -> PartooSession:
        """Return a copy that shares the connections, quota and concurrency limit of this one.

        Closing a session closes its copies, but no copy closes its original.

        Args:
            changes: Options of ``PartooClient``, except for ``quota`` and those of connections.

        Raises:
            ConfigurationError: An option is bad, or cannot be changed.
        """
        return self.with_quota(None, **protect_key(changes))

    def with_quota(self, quota: FileQuota | RedisQuota | None, /, **changes: Unpack[Changes]) -> PartooSession:
        """Return a copy as ``with_options`` does, which shares this quota, if it is not None."""
        changes = protect_key(changes)
        ours, settings = self.context, self.settings.change(**changes)
        # Not by the constructor, which would make a transport. The copy shares the rest.
        copy = PartooSession.__new__(PartooSession)
        copy._parent = self
        copy.context = ours.changed(
            settings=settings,
            quotas=ours.quotas.copy(settings, quota, keep_given="rate_limit" not in changes),
            lifecycle=Lifecycle(ours.lifecycle),
            decoder=Decoder(strict=settings.strict) if "strict" in changes else ours.decoder,
            **(observing(settings.on_event) if "on_event" in changes else {}),
            decode_budget=DecodeBudget(),
            resender=Resender(),
        )
        copy._own_concurrency = "max_concurrency" in changes
        if copy._own_concurrency:
            copy.context.concurrency = Concurrency(settings.max_concurrency, ours.transport.pool)
        copy._reads = make_reads(copy.context)
        copy._family = self._family
        copy._family.add(copy._reads)
        return copy

    def with_own_drift(self) -> PartooSession:
        """Return a copy with the same options, whose ``drift`` starts empty."""
        copy = self.with_options()
        copy.context.decoder = Decoder(strict=self.settings.strict)
        return copy

    @property
    def transport(self) -> Transport:
        """What carries the requests."""
        return self.context.transport

    @property
    def settings(self) -> Settings:
        """The checked options."""
        return self.context.settings

    @property
    def drift(self) -> Counter[str]:
        """What differed from the documentation, and in how many responses."""
        return self.context.decoder.drift

    @property
    def closed(self) -> bool:
        """Whether the session, or its original, was closed."""
        return self.context.lifecycle.closed or self.context.transport.closed

    @property
    def quota(self) -> Quota:
        """The quota of the calls, for the last key that a callable gave."""
        return self.context.quotas.current

    async def send(
        self,
        operation: Operation[T],
        *,
        priority: Priority = Priority.INTERACTIVE,
        call: Call | None = None,
        fresh: bool = False,
    ) -> T:
        """Send an operation.

        Args:
            operation: What to send.
            priority: Who goes first when the quota is short. Bulk work waits for it without a timeout.
            call: Filled with what happened; the request is then not shared.
            fresh: Use no result, and join no request, from before this call.

        Returns:
            The operation's typed result.

        Raises:
            PartooError: Any error of ``partoo_async.errors`` but ``ScanError``.
        """
        __tracebackhide__ = True  # notebooks and pytest show the caller's line, and go on below
        loop, context = asyncio.get_running_loop(), self.context
        # The lifecycle has no loop before the first call, nor after a fork.
        if loop is not context.lifecycle.loop or context.lifecycle.closed:
            try:
                self._bind(loop)
            except ClientClosedError as error:
                tell_refused(context, operation, error)
                raise
        if operation.request.method != "GET":  # also if it is idempotent
            return await self._write(operation, priority, call, loop)
        # Scans do not share, since they count each of their requests; nor do ``request()`` calls: JSON can be changed.
        if not operation.shareable or call is not None or priority is not Priority.INTERACTIVE:
            return await (call or context.new_call()).run(context, operation, priority, loop)
        until = min(loop.time() + context.settings.timeout, ambient_deadline())
        if not isinstance(key := context.settings.api_key, Secret):
            from partoo_async._call.key_source import read_with_fetched_key  # noqa: PLC0415 - see make_reads

            return await read_with_fetched_key(context, self._reads, operation, until, fresh=fresh)
        # No closure, whose cells each of thousands of waiting calls would keep.
        return await self._reads.get(  # type: ignore[no-any-return]  # reads of all types share it
            operation.request.path,
            partial(start_read, context, operation, loop),
            until=until,
            fresh=fresh,
            key=key.fingerprint,
            loop=loop,
        )

    async def _write(
        self, operation: Operation[T], priority: Priority, call: Call | None, loop: asyncio.AbstractEventLoop
    ) -> T:
        path = operation.request.path
        # Before and after, also when it seems to have failed: a read between the two may have seen either state.
        self._invalidate(path)
        try:
            return await (call or self.context.new_call()).run(self.context, operation, priority, loop)
        finally:
            self._invalidate(path)

    def _invalidate(self, path: str) -> None:
        for reads in self._family:
            reads.invalidate(path)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.closed:
            raise ClientClosedError(CLOSED)
        if self._parent is not None:
            self._parent._bind(loop)
        context = self.context
        if context.lifecycle.bind(loop):
            # An earlier loop was closed, and what waited there never wakes.
            if self._parent is None:
                context.transport.forget_loop()
            context.quotas.reset()
            context.concurrency = Concurrency(context.settings.max_concurrency, context.transport.pool)
            context.decode_budget, context.resender = DecodeBudget(), Resender()
            self._reads = make_reads(self.context)
            self._family.add(self._reads)
        if self._parent is not None and not self._own_concurrency:
            context.concurrency = self._parent.context.concurrency  # its parent may just have replaced it

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Refuse new calls, wait for those under way, and close the connections. Safe to call twice.

        Calls that are not done by then raise ``ClientClosedError``. The connections of an aiohttp session of yours, and
        those of a copy's original, stay open.

        Args:
            grace: Seconds that calls under way get.

        Raises:
            ConfigurationError: ``grace`` is no number of seconds, 0 or more.
        """
        grace = check_seconds("grace", grace, zero=True)
        self.context.lifecycle.close()
        try:
            await self.context.lifecycle.end_calls(grace)
        finally:
            await self.context.quotas.aclose()
            if self._parent is None:
                await self.context.transport.aclose()

    async def __aenter__(self) -> PartooSession:
        self._bind(asyncio.get_running_loop())
        await self.context.quotas.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
