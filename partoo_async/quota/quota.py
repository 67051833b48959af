"""The quota of one organization."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING
from weakref import WeakSet

from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ClientClosedError, ConfigurationError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.event_loops import LOCK, Turns
from partoo_async.quota.gate import DEFAULT_PAUSE, LONGEST_CLOSED
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.wait_queue import WaitQueue

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from partoo_async.quota.backend import Backend

__all__ = ["EVERY_QUOTA", "Quota"]

_logger = logging.getLogger("partoo_async.quota")

# Seconds that a pause may last longer than asked, so that processes do not come back together.
_MOST_JITTER = 0.25

_CLOSED = "this quota was closed and grants no slots; call start() to open it again"

EVERY_QUOTA: WeakSet[Quota] = WeakSet()  # for a fork


@total_repr
class Quota(WaitQueue):
    """Grants slots: to interactive calls first, in order of arrival, and to nobody during a pause.

    Clients of one server, key and ``RateLimit`` share one; ``PartooClient(quota=...)`` does between keys.

    Args:
        rate_limit: Requests in a time; None for no limit.
        backend: Keeps the slots; by default this process.
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
        super().__init__(rate_limit, backend)
        self._chance = chance
        self._pauses = self._users = 0
        self._is_started = self._is_closed = False
        self._starting = Turns()
        EVERY_QUOTA.add(self)

    def __repr__(self) -> str:
        state = self.snapshot()
        due = [member.timer.when() for member in self._loops.members if member.timer is not None]
        wakes = f", wakes in {min(due) - self._loops.clock():.2f} s" if due else ""
        paused = f", paused for {state.paused_for:.2f} s" if state.paused_for else ""
        return f"<Quota {state.used} of {state.limit} used per {state.per:g} s, {state.waiting} waiting{paused}{wakes}>"

    def _keep(self) -> None:
        """Called at the first use."""

    def is_cool(self) -> bool:
        """Whether its history matters no more."""
        self.drop_closed_loops()
        end = max(self._gate.forgotten_at(), self._backend.forgotten_at())
        return not self._lanes and self._loops.clock() >= end

    def forked(self) -> None:
        """Give up, in the child of a fork, what belongs to the parent."""
        self.drop_closed_loops(everyone=True)
        self._backend.forked()
        self._starting = Turns()  # which a thread of the parent may hold

    async def start(self) -> None:
        """Connect to the store, if processes share one. Needs as many calls of ``aclose``.

        Raises:
            ConfigurationError: The store cannot be used.
        """
        if self._backend.is_shared:
            self.hold()
            try:
                await self.connect()
            except BaseException:
                self._users -= 1
                raise

    def hold(self) -> None:
        """Count a user, for whom the first call connects. Needs as many calls of ``aclose``."""
        self._users += 1
        self._is_closed = False

    async def connect(self) -> None:
        """Connect to the store now, for a user who holds it.

        Raises:
            ConfigurationError: The store cannot be used.
        """
        if self._is_closed:
            raise ClientClosedError(_CLOSED)
        async with self._starting:
            if not self._is_started:
                try:
                    await self._backend.start(self._demand, self._changed)
                except Exception as error:
                    raise ConfigurationError(f"quota: the shared store cannot be used: {error}") from error
                self._is_started = True

    async def aclose(self) -> None:
        """Disconnect, if nobody else uses it. Waiting calls raise ``ClientClosedError``."""
        self._users = max(0, self._users - 1)
        if self._users or not self._backend.is_shared:
            return
        async with self._starting:  # whoever comes meanwhile connects anew
            if self._is_started and not self._users:
                await self._disconnect()

    async def _disconnect(self) -> None:
        self._is_started, self._is_closed = False, True
        try:
            await self._backend.aclose()
        finally:
            with LOCK:
                for waiter in self._waiters():
                    self._take_out(waiter, ClientClosedError(_CLOSED))
                self._schedule()

    def try_acquire(self, priority: Priority = Priority.INTERACTIVE, loop: AbstractEventLoop | None = None) -> bool:
        """Take a slot and return True, if that needs no waiting.

        Args:
            priority: The lane.
            loop: The running event loop, if at hand.
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
                until = now + backend.per
                self._reserved_until = max(self._reserved_until, until)
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
        """Let bulk work leave the reserve free at all times."""
        self._reserved_until = math.inf

    @property
    def holds_reserve(self) -> bool:
        """Whether ``hold_reserve`` was called."""
        return self._reserved_until == math.inf

    async def acquire(self, priority: Priority = Priority.INTERACTIVE, deadline: float = math.inf) -> None:
        """Wait for a slot.

        Args:
            priority: The lane.
            deadline: Event loop time.

        Raises:
            ClientClosedError: The quota was closed.
            QuotaExceededError: No slot before the deadline, or a pause of over five minutes; at once if foreseen.
        """
        if self._backend.is_shared and not self._is_started:
            await self.connect()
        if self.try_acquire(priority):
            return
        waiter = self._enqueue(priority, deadline)
        try:
            granted = await waiter.future
        except BaseException:
            self._withdraw(waiter)
            del waiter  # a task that was cancelled keeps this frame
            raise
        waiter.stop_timer()
        if not granted:
            self._withdraw(waiter)
            raise self._refusal(self.forecast(priority), priority)

    def release(
        self, *, sent: bool = True, answered: bool = True, late: float = 0.0, loop: AbstractEventLoop | None = None
    ) -> None:
        """Return a slot.

        Args:
            sent: Whether the server may have seen the request; else the slot is free at once.
            answered: Whether the response was complete.
            late: Seconds in which a given-up request may still reach the server.
            loop: The event loop of the call, if at hand.
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
        """Let no call leave for some time, and return the seconds.

        Args:
            seconds: At most an hour; None stands for 60.
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
            paused, text = self.paused_for(), self._pause_warning(spaced=self._gate.is_spaced(now))
        if was_open:
            _logger.warning("%s", text)
        return paused

    def _pause_warning(self, *, spaced: bool) -> str:
        hint = "; then sends are spaced at the pace of the quota until a window passes without a 429" if spaced else ""
        # The window was kept, so a second pause has a cause outside of this process.
        if self._pauses > 1 and self._backend.limit is not None:
            hint += (
                f" (pause number {self._pauses}, though this process stays within its limit: another one uses the same"
                " quota, or the server counts in another way; see RateLimit(share=...) and RateLimit(pacing='smooth'))"
            )
        waiting = f"(waiting calls: {len(self._lanes)})"
        return f"429: the server pauses this quota for {self.paused_for():.1f} s {waiting}{hint}"

    def snapshot(self) -> QuotaSnapshot:
        """Return the present state."""
        with LOCK:
            limit, per, used, paused, wait, now = self._backend.limit, self._backend.per, 0, 0.0, 0.0, -math.inf
            if not self._loops.is_new:  # else there may be no event loop, and so no clock
                now, paused, wait = self._loops.clock(), self.paused_for(), self.forecast()
                used = self._backend.used(now)
            available = None if limit is None else limit - used
            interactive, bulk = len(self._lanes.interactive), len(self._lanes.bulk)
            until, spaced = self._gate.paused_until if paused else None, self._gate.is_spaced(now)
            counts = (interactive + bulk, interactive, bulk)
            members, mode = self._backend.members, self._backend.mode
            return QuotaSnapshot(limit, per, used, available, *counts, until, paused, wait, spaced, members, mode)
