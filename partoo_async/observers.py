"""What ``on_event`` may be instead of a callable: an object that is told of whole calls and scans, too."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from partoo_async._internal.callables import ask, guarded, tell
from partoo_async._internal.checks import check_callback
from partoo_async.events import HoldEvent, PauseEvent, RequestEvent, RetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.events import Event
    from partoo_async.servers import Server

__all__ = ["AttemptRecord", "CallRecord", "Emitter", "Listeners", "Observer", "ScanRecord", "ScanWatch"]

_logger = logging.getLogger("partoo_async")


class AttemptRecord(NamedTuple):
    """An attempt of a call.

    Attributes:
        started: Seconds from the beginning of the call.
        elapsed: Seconds, without waits.
        queued: Seconds that it waited for the quota before.
        status: That of the response, or None.
        error: The class name of the error, None on success.
        sent: Whether the request may have left: not if the server could not be reached, say.
    """

    started: float
    elapsed: float
    queued: float
    status: int | None
    error: str | None
    sent: bool


class CallRecord(NamedTuple):
    """A call that has ended just now, whether anything was sent for it or not.

    Attributes:
        route: Method and path, without the query.
        template: As in ``RequestEvent``.
        server: Where its requests go.
        elapsed: Seconds, waits included.
        queued: Seconds of these that it waited for the quota.
        error: The class name of what it raised, "CancelledError" if it was cancelled, None on success.
        attempts: In their order, those included that were not sent.
        source: Where the result is from: "request", "shared" (an identical read that was in flight) or "cache".
        bulk: Whether it was a part of a scan.
    """

    route: str
    template: str
    server: Server
    elapsed: float
    queued: float
    error: str | None
    attempts: tuple[AttemptRecord, ...]
    source: Literal["request", "shared", "cache"]
    bulk: bool


class ScanRecord(NamedTuple):
    """A scan that was closed just now.

    Attributes:
        done: Outcomes that were handed out.
        failed: How many of them are failures.
        requests: How many were sent.
        error: The class name of what ended it early, None if nothing did.
        complete: Whether every outcome was handed out.
    """

    done: int
    failed: int
    requests: int
    error: str | None
    complete: bool


class ScanWatch:
    """What ``Observer.scan_started`` may return. Override what you need."""

    def around(self) -> AbstractContextManager[object]:
        """Return a context for the scan's tasks: what it sets in context variables, they and their requests see."""
        return nullcontext()

    def ended(self, record: ScanRecord) -> object:
        """Called when the scan is closed.

        Args:
            record: What became of it.
        """


class Observer:
    """A base class for ``on_event``: override what you need. What stays as it is costs the calls nothing.

    The methods are plain and quick, and called in the task at work. What they raise is logged, once.
    """

    def request_ended(self, event: RequestEvent) -> object:
        """Called after each request.

        Args:
            event: What became of it.
        """

    def retrying(self, event: RetryEvent) -> object:
        """Called before the wait for another attempt.

        Args:
            event: Why, and how long it waits.
        """

    def paused(self, event: PauseEvent) -> object:
        """Called when a 429 begins a pause.

        Args:
            event: How long all calls wait.
        """

    def held(self, event: HoldEvent) -> object:
        """Called when a scan begins to hold, and when it goes on.

        Args:
            event: Which of the two, and why.
        """

    def call_ended(self, record: CallRecord) -> object:
        """Called at the end of each call.

        Args:
            record: What became of it.
        """

    def scan_started(self) -> ScanWatch | None:
        """Called when a scan is opened."""

    def active(self) -> bool:
        """Return whether calls are to be recorded now. Asked at the beginning of each."""
        return True

    def quiet(self) -> AbstractContextManager[object]:
        """Return a context to send requests in. For tracing tools, which others are not to trace twice."""
        return nullcontext()

    def __call__(self, event: Event) -> None:
        """Call the method for an event.

        Args:
            event: Any of the four.
        """
        if isinstance(event, RequestEvent):
            self.request_ended(event)
        elif isinstance(event, RetryEvent):
            self.retrying(event)
        elif isinstance(event, PauseEvent):
            self.paused(event)
        elif isinstance(event, HoldEvent):
            self.held(event)


class Emitter:
    """Calls a client's ``on_event``. Its errors are logged once and never break a call."""

    __slots__ = ("_failed", "_observer", "hears_requests", "on_event", "wants_calls", "wants_requests", "wants_scans")

    def __init__(self, on_event: Callable[[Event], object] | None) -> None:
        self.on_event: Callable[[Event], object] | None = on_event
        self._failed = False
        # Looked up once, so that what nobody hears is not even made.
        self.wants_calls: bool = _overrides(on_event, "call_ended")
        self._observer = on_event if self.wants_calls and isinstance(on_event, Observer) else None
        self.wants_scans: bool = _overrides(on_event, "scan_started")
        self.hears_requests: bool = _hears_requests(on_event)
        self.wants_requests: bool = self.hears_requests or _logger.isEnabledFor(logging.DEBUG)

    def __call__(self, event: Event) -> None:
        """Pass an event on, if anybody hears it."""
        if self.on_event is not None and (self.hears_requests or not isinstance(event, RequestEvent)):
            error = tell(self.on_event, event)
            if error is not None:
                self.note(error)

    def active(self) -> bool:
        """Return whether an observer wants to be told of a call that begins now."""
        if self._observer is None:
            return False
        answer, error = ask(self._observer.active)
        if error is not None:
            self.note(error)
        return bool(answer)

    def call_ended(self, record: CallRecord) -> None:
        """Tell an observer of a call."""
        if self._observer is not None:
            error = tell(self._observer.call_ended, record)
            if error is not None:
                self.note(error)

    def scan_started(self) -> ScanWatch | None:
        """Tell an observer of a scan."""
        if not self.wants_scans or not isinstance(self.on_event, Observer):
            return None
        start: Callable[[], object] = self.on_event.scan_started
        watch, error = ask(start)
        if isinstance(watch, ScanWatch):
            return watch
        if watch is not None or error is not None:
            self.note(error or TypeError(f"scan_started() returned {type(watch).__name__}, not a ScanWatch"))
        return None

    def note(self, error: BaseException) -> None:
        """Log what ``on_event`` raised, the first time."""
        if not self._failed:
            self._failed = True
            _logger.error("on_event raised; this is logged once, and the calls go on", exc_info=error)


class Listeners(Observer):
    """Several listeners as one ``on_event``, each of which may raise without harm to the others.

    Args:
        listeners: Callables and observers, in the order in which they are told.

    Raises:
        ConfigurationError: One is neither.
    """

    def __init__(self, *listeners: Callable[[Event], object]) -> None:
        self._emitters: list[Emitter] = [Emitter(check_callback("listeners", one)) for one in listeners]

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        for emitter in self._emitters:
            emitter(event)

    def call_ended(self, record: CallRecord) -> None:
        """Pass it on.

        Args:
            record: What became of the call.
        """
        for emitter in self._emitters:
            if emitter.active():
                emitter.call_ended(record)

    def active(self) -> bool:
        """Return whether any of them is."""
        return any(emitter.active() for emitter in self._emitters)

    def scan_started(self) -> ScanWatch | None:
        """Pass it on, and return what they return as one."""
        watches = [(emitter, watch) for emitter in self._emitters if (watch := emitter.scan_started()) is not None]
        return _Watches(watches) if watches else None

    def quiet(self) -> AbstractContextManager[object]:
        """Return the contexts of all, as one."""
        stack = ExitStack()
        for emitter in self._emitters:
            quiet = getattr(type(emitter.on_event), "quiet", None)
            if quiet is not None:
                stack.enter_context(guarded(partial(quiet, emitter.on_event), emitter.note))
        return stack


class _Watches(ScanWatch):
    def __init__(self, watches: list[tuple[Emitter, ScanWatch]]) -> None:
        self._watches = watches

    def around(self) -> AbstractContextManager[object]:
        stack = ExitStack()
        for emitter, watch in self._watches:
            stack.enter_context(guarded(watch.around, emitter.note))
        return stack

    def ended(self, record: ScanRecord) -> None:
        for emitter, watch in self._watches:
            error = tell(watch.ended, record)
            if error is not None:
                emitter.note(error)


def _hears_requests(on_event: object) -> bool:
    if isinstance(on_event, Listeners):
        return any(emitter.hears_requests for emitter in on_event._emitters)
    return _overrides(on_event, "request_ended") if isinstance(on_event, Observer) else on_event is not None


def _overrides(on_event: object, name: str) -> bool:
    return isinstance(on_event, Observer) and getattr(type(on_event), name) is not getattr(Observer, name)
