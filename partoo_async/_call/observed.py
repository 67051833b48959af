"""Calls and shared reads that tell an observer of themselves. Classes of their own, so that others pay nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from partoo_async._call.call import Call, KeyChangedError
from partoo_async._call.read_cache import ReadCache
from partoo_async._call.single_flight import SingleFlight
from partoo_async._protocol.routes import template_of
from partoo_async.errors import APIStatusError, PartooError
from partoo_async.observers import AttemptRecord, CallRecord
from partoo_async.policy import Priority

if TYPE_CHECKING:
    import asyncio

    from partoo_async._call.context import CallContext
    from partoo_async._call.read_cache import ReadId
    from partoo_async._call.single_flight import Facts
    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.operations import Operation
    from partoo_async.quota import Quota

__all__ = ["ObservedCall", "ObservedReads"]

T = TypeVar("T")


class ObservedCall(Call):
    """A call whose record is told when it ends."""

    tells_success: bool = True
    _queued: float = 0.0  # seconds in all, and up to the next attempt
    _queued_now: float = 0.0
    _began: float = 0.0
    _records: tuple[AttemptRecord, ...] = ()

    async def run(
        self, context: CallContext, operation: Operation[T], priority: Priority, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Do as a ``Call`` does, and tell how it ended."""
        self._began = loop.time()
        error: str | None = "CancelledError"
        try:
            result = await super().run(context, operation, priority, loop)
            error = None
        except BaseException as failure:
            error = type(failure).__name__
            # Such a call goes on as another one, which is told.
            if isinstance(failure, KeyChangedError) and not self._records:
                self.tells_success, error = False, None
            raise
        else:
            return result
        finally:
            if error is not None or self.tells_success:
                request = operation.request
                record = CallRecord(
                    request.route,
                    request.template,
                    context.settings.server,
                    loop.time() - self._began,
                    self._queued,
                    error,
                    self._records,
                    "request",
                    priority is Priority.BULK,
                )
                context.emit.call_ended(record)

    async def _wait_for_admission(self, key: Secret) -> tuple[Secret, Quota]:
        began = self._loop.time()
        try:
            return await super()._wait_for_admission(key)
        finally:
            waited = self._loop.time() - began
            self._queued += waited
            self._queued_now += waited

    def _succeeded(self, status: int, elapsed: float) -> None:
        super()._succeeded(status, elapsed)
        self._record(elapsed, status, None, sent=True)

    def _failed(self, error: PartooError, started: float, *, sent: bool) -> PartooError:
        elapsed = self._loop.time() - started
        error = super()._failed(error, started, sent=sent)
        status = error.status if isinstance(error, APIStatusError) else None
        self._record(elapsed, status, type(error).__name__, sent=sent)
        return error

    def _cut_short(self, started: float, *, sent: bool) -> None:
        self._record(self._loop.time() - started, None, "CancelledError", sent=sent)

    def _record(self, elapsed: float, status: int | None, error: str | None, *, sent: bool) -> None:
        started = self._loop.time() - elapsed - self._began
        self._records += (AttemptRecord(started, elapsed, self._queued_now, status, error, sent),)
        self._queued_now = 0.0


class ObservedReads(SingleFlight):
    """Shared reads that tell of callers who get the result of another call. Who sends is told of by its own call."""

    def __init__(self, cache_ttl: float | None, context: CallContext, facts: Facts) -> None:
        super().__init__(None if cache_ttl is None else _ObservedCache(cache_ttl, context), facts)
        self._context = context

    async def _follow(
        self, read: ReadId, flight: Any, follower: Any, loop: asyncio.AbstractEventLoop
    ) -> BaseException | None:
        began, error = loop.time(), None
        try:
            error = await super()._follow(read, flight, follower, loop)
        except BaseException as failure:
            error = failure
            raise
        else:
            return error
        finally:
            _tell_unsent(self._context, read, loop.time() - began, error, "shared")
            del error  # or the traceback would hold the frame that holds the error


class _ObservedCache(ReadCache):
    def __init__(self, ttl: float, context: CallContext) -> None:
        super().__init__(ttl)
        self._context = context

    def get(self, read: ReadId, now: float) -> Any:
        value = super().get(read, now)
        if value is not None:
            _tell_unsent(self._context, read, 0.0, None, "cache")
        return value


def _tell_unsent(
    context: CallContext, read: ReadId, elapsed: float, error: BaseException | None, source: Literal["shared", "cache"]
) -> None:
    path, name = read[0].partition("?")[0], None if error is None else type(error).__name__
    head = (f"GET {path}", template_of("GET", path), context.settings.server, elapsed, 0.0, name)
    context.emit.call_ended(CallRecord(*head, (), source, False))
