"""The quota of one organization, as users see it."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING
from weakref import WeakSet

from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.event_loops import LOCK
from partoo_async.quota.gate import DEFAULT_PAUSE, LONGEST_CLOSED
from partoo_async.quota.local import SlidingWindow, Unlimited
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.wait_queue import WaitQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.quota.backend import Backend

__all__ = ["EVERY_QUOTA", "Quota"]

_logger = logging.getLogger("partoo_async.quota")

# Seconds that a pause may last longer than asked. Later only, never earlier: processes that were paused together
# should not come back together.
_MOST_JITTER = 0.25

EVERY_QUOTA: WeakSet[Quota] = WeakSet()  # for a fork


@total_repr
class Quota(WaitQueue):
    """Grants slots: interactive calls before bulk ones, first in first out within each, none during a pause.

    Clients of the same server, key and ``RateLimit`` share one by themselves. Share one between keys of an organization
    with ``PartooClient(quota=...)``. Event loops in different threads may use it.

    Args:
        rate_limit: How many requests in which time; None for no limit.
        backend: Where the slots are kept. Default: in this process.
        chance: Returns a number in [0, 1), for jitter.
    """

    kept: bool = True

    def __init__(
        self,
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen, so that sharing the default is harmless
        *,
        backend: Backend | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.rate_limit = rate_limit
        super().__init__(rate_limit, backend or (Unlimited() if rate_limit is None else SlidingWindow(rate_limit)))
        self._chance = chance
        self._pauses = 0
        self._users = 0
        self._is_started = self._is_closed = False
        self._starting = asyncio.Lock()
        EVERY_QUOTA.add(self)

    def __repr__(self) -> str:
        state = self.snapshot()
        due = [member.timer.when() for member in self._loops.members if member.timer is not None]
        wakes = f", wakes in {min(due) - self._loops.clock():.2f} s" if due else ""
        paused = f", paused for {state.paused_for:.2f} s" if state.paused_for else ""
        return f"<Quota {state.used} of {state.limit} used per {state.per:g} s, {state.waiting} waiting{paused}{wakes}>"

    def _keep(self) -> None:
        """Called at a request or a 429 while it is not ``kept``: it has a history from now on."""

    def is_cool(self) -> bool:
        """Whether nothing that was sent or said through it matters any more."""
        self.drop_closed_loops()
        forgotten = max(self._gate.forgotten_at(), self._backend.forgotten_at())
        return not self._lanes and self._loops.clock() >= forgotten

    async def start(self) -> None:
        """Connect to the store of slots, if processes share one. Call ``aclose`` as often as this.

        Raises:
            ConfigurationError: The store cannot be used; the text says why.
        """
        if self._backend.is_shared:
            self._is_closed = False
            await self._connect()
            self._users += 1

    async def _connect(self) -> None:
        async with self._starting:
            if self._is_started:
                return
            try:
                await self._backend.start(self._demand, self._changed)
            except Exception as error:
                raise ConfigurationError(f"quota: the shared store cannot be used: {error}") from error
            self._is_started = True

    async def aclose(self) -> None:
        """Disconnect from a shared store when its last user does. Calls that wait raise ``ClientClosedError``."""
        self._users = max(0, self._users - 1)
        if not self._is_started or self._users:
            return
        self._is_started, self._is_closed = False, True
        try:
            await self._backend.aclose()
        finally:
            with LOCK:
                for waiter in self._take_out_all(lambda _: True):
                    waiter.member.settle(waiter.future, self._closed_error())
                self._schedule()

    def try_acquire(
        self, priority: Priority = Priority.INTERACTIVE, loop: asyncio.AbstractEventLoop | None = None
    ) -> bool:
        """Take a slot, if that needs no waiting.

        Args:
            priority: The lane of the call.
            loop: The running event loop, if it is at hand.

        Returns:
            Whether a slot was taken. If so, call ``release`` for it.
        """
        with LOCK:
            loops, lanes, gate, backend = self._loops, self._lanes, self._gate, self._backend
            member = loops.last
            if member is None or member.loop() is not (loop or asyncio.get_running_loop()):
                member = loops.enter()
            now = loops.clock()
            if not self.kept:
                self._keep()
            reserved = 0
            if priority is Priority.INTERACTIVE:
                self._reserved_until = max(self._reserved_until, now + backend.per)
            elif now < self._reserved_until:
                reserved = self._reserved(priority, now)
            # Nearly always nobody waits. Then there is no order to keep and no run to count.
            crowded = lanes.interactive or lanes.bulk
            if crowded and not lanes.may_pass(priority):
                return False
            if now < gate.opens_at or not backend.acquire(now, reserved):
                return False
            gate.sent(now)
            member.in_flight += 1
            if crowded or lanes.run:
                lanes.granted(priority)
            return True

    def hold_reserve(self) -> None:
        """Let bulk work leave the reserve free from now on, even if no interactive call was seen for a window."""
        self._reserved_until = math.inf

    @property
    def holds_reserve(self) -> bool:
        """Whether ``hold_reserve`` was called."""
        return self._reserved_until == math.inf

    async def acquire(self, priority: Priority = Priority.INTERACTIVE, deadline: float = math.inf) -> None:
        """Wait for a slot in the order of the lanes.

        Args:
            priority: The lane of the call.
            deadline: Event loop time until which to wait.

        Raises:
            QuotaExceededError: At once if the quota cannot serve the call before its deadline, or is paused for more
                than five minutes; at the deadline if calls that go first took its slot.
            ClientClosedError: The quota was closed.
        """
        if self.try_acquire(priority):
            return
        if self._backend.is_shared and not self._is_started:
            if self._is_closed:
                raise self._closed_error()
            await self._connect()
        waiter = self._enqueue(priority, deadline)
        try:
            async with asyncio.timeout_at(None if deadline == math.inf else deadline):
                await waiter.future
        except TimeoutError:
            self._withdraw(waiter)
        except BaseException:
            self._withdraw(waiter)
            raise
        else:
            return
        raise self._refusal(self.forecast(priority))

    def release(
        self,
        *,
        sent: bool = True,
        answered: bool = True,
        late: float = 0.0,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Return a slot.

        Args:
            sent: Whether the server may have seen the request. If not, the slot is free at once.
            answered: Whether the response was complete.
            late: Seconds for which a request that was given up may still reach the server.
            loop: The event loop of the call, if it is at hand.
        """
        with LOCK:
            loops, gate = self._loops, self._gate
            member = loops.last
            if loop is None or member is None or member.loop() is not loop:
                member = loops.here()
            if member is None or not member.in_flight:
                return  # it was counted as given up when its loop was closed
            member.in_flight -= 1
            now = loops.clock()
            self._backend.release(now, sent=sent, answered=answered, late=late)
            if gate.is_probing:
                gate.ended(now, answered=sent and answered)
            if self._lanes.interactive or self._lanes.bulk:
                self._dispatch()

    def pause(self, seconds: float | None) -> float:
        """Let no call leave for a time, as after a 429.

        Args:
            seconds: For how long, an hour at most; None stands for 60 s.

        Returns:
            The seconds until the pause ends, a little jitter included.
        """
        with LOCK:
            now = self._loops.clock()
            vague = seconds is None
            seconds = DEFAULT_PAUSE if seconds is None else min(seconds, LONGEST_CLOSED)
            until = now + seconds + self._chance() * min(_MOST_JITTER, seconds * 0.01)
            was_open = now >= self._gate.paused_until
            self._pauses += was_open
            if not self.kept:
                self._keep()
            for quota in (self, *self._relatives()):
                quota._gate.pause(now, until, vague=vague)
                quota._backend.pause(now, quota._gate.paused_until)
                quota._after_pause(now)
            paused, waiting = self.paused_for(), len(self._lanes)
            text = self._pause_warning(paused, waiting, spaced=self._gate.is_spaced(now))
        if was_open:
            _logger.warning("%s", text)
        return paused

    def _pause_warning(self, seconds: float, waiting: int, *, spaced: bool) -> str:
        hint = "; then sends are spaced at the pace of the quota until a window passes without a 429" if spaced else ""
        # The first may be an accident. The window was kept, so a second one has a cause outside of it.
        if self._pauses > 1 and self._backend.limit is not None:
            hint += (
                f" (pause number {self._pauses}, though this process stays within its limit: another one uses the same"
                " quota, or the server counts in another way; see RateLimit(share=...) and RateLimit(pacing='smooth'))"
            )
        return f"429: the server pauses this quota for {seconds:.1f} s (waiting calls: {waiting}){hint}"

    def snapshot(self) -> QuotaSnapshot:
        """Return the present state, for a health page or a log line. Before the first use, that of a fresh quota."""
        with LOCK:
            backend, limit, fresh = self._backend, self._backend.limit, self._loops.is_new
            interactive, bulk = (len(self._lanes.lane(priority)) for priority in Priority)
            now = -math.inf if fresh else self._loops.clock()
            used, paused, wait = (0, 0.0, 0.0) if fresh else (backend.used(now), self.paused_for(), self.forecast())
            return QuotaSnapshot(
                limit=limit,
                per=backend.per,
                used=used,
                available=None if limit is None else limit - used,
                waiting=interactive + bulk,
                waiting_interactive=interactive,
                waiting_bulk=bulk,
                paused_until=self._gate.paused_until if paused else None,
                paused_for=paused,
                wait=wait,
                spaced=self._gate.is_spaced(now),
            )
