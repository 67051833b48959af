"""The quota of one organization: lanes of waiters in front of a backend that keeps the slots."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING
from weakref import WeakSet

from partoo_async._internal.reprs import total_repr
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.backend import Backend, OpenGate
from partoo_async.quota.loops import LOCK
from partoo_async.quota.messages import pause_warning
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.wait_queue import Queue
from partoo_async.quota.window import DEFAULT_PAUSE, LONGEST_CLOSED, SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["EVERY_QUOTA", "Quota"]

_logger = logging.getLogger("partoo_async.quota")

_MOST_JITTER = 0.25  # seconds that a pause may last longer than asked

EVERY_QUOTA: WeakSet[Quota] = WeakSet()
"""All that there are, for a fork."""


@total_repr
class Quota(Queue):
    """Grants slots: interactive calls before bulk ones, first in first out within each, none while the gate is closed.

    Share one between clients of the same organization with ``PartooClient(quota=...)``; clients of the same server,
    key and ``RateLimit`` share one by themselves. Any number of event loops may use it, in threads of their own, too.
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
        super().__init__(rate_limit, backend or (OpenGate() if rate_limit is None else SlidingWindow(rate_limit)))
        self._chance = chance
        self._pauses = 0
        EVERY_QUOTA.add(self)

    def __repr__(self) -> str:
        state = self.snapshot()
        due = [member.timer.when() for member in self._loops.members if member.timer is not None]
        wakes = f", wakes in {min(due) - self._loops.clock():.2f} s" if due else ""
        paused = f", paused for {state.paused_for:.2f} s" if state.paused_for else ""
        return f"<Quota {state.used} of {state.limit} used per {state.per:g} s, {state.waiting} waiting{paused}{wakes}>"

    def _keep(self) -> None:
        """Called at a request or a 429 while it is not ``kept``: it has a history from now on."""

    def _relatives(self) -> Iterable[Quota]:
        """The quotas of other limits for the same key: a 429 is for all of them."""
        return ()

    def is_cool(self) -> bool:
        """Whether nothing that was sent or said through it matters any more."""
        self.bury()
        return not self._lanes and self._loops.clock() >= self._backend.forgotten_at()

    def try_acquire(
        self, priority: Priority = Priority.INTERACTIVE, loop: asyncio.AbstractEventLoop | None = None
    ) -> bool:
        """Take a slot and return True, if that needs no waiting. ``loop``: the running one, if it is at hand."""
        with LOCK:
            loops, lanes = self._loops, self._lanes
            member = loops.last
            if member is None or member.loop() is not (loop or asyncio.get_running_loop()):
                member = loops.enter()
            now = loops.clock()
            if not self.kept:
                self._keep()
            spare, backend = 0, self._backend
            if priority is Priority.INTERACTIVE:
                self._reserved_until = max(self._reserved_until, now + backend.per)
            elif now < self._reserved_until:
                spare = self._spare(priority, now)
            # Nearly always nobody waits, and then there is no order to keep and no turn to count.
            crowded = lanes.interactive or lanes.bulk
            if crowded and not lanes.may_pass(priority):
                return False
            if not backend.acquire(now, spare):
                return False
            member.in_flight += 1
            if crowded or lanes.run:
                lanes.granted(priority)
            return True

    def hold_reserve(self) -> None:
        """Let bulk work leave the reserve free from now on, even if no interactive call was seen for a window."""
        self._reserved_until = math.inf

    @property
    def holds_reserve(self) -> bool:
        """Whether it was told to hold the reserve at all times."""
        return self._reserved_until == math.inf

    async def acquire(self, priority: Priority = Priority.INTERACTIVE, deadline: float = math.inf) -> None:
        """Wait for a slot in the order of the lanes. ``deadline`` is a time of the event loop.

        Raises ``QuotaExceededError``: at once when the quota cannot serve the call before its deadline or is paused
        for more than five minutes, and at the deadline when calls that go before it took the slot it was to have.
        """
        if self.try_acquire(priority):
            return
        waiter = self._queue(priority, deadline)
        try:
            async with asyncio.timeout_at(None if deadline == math.inf else deadline):
                await waiter.future
        except TimeoutError:
            self._withdraw(priority, waiter)
        except BaseException:
            self._withdraw(priority, waiter)
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
        """Return a slot. ``sent``: the server may have seen the request; ``answered``: its answer was complete.

        ``late``: for how many seconds from now a request that was given up may still reach the server. ``loop``: that
        of the call, if it is at hand.
        """
        with LOCK:
            member = self._loops.last
            if loop is None or member is None or member.loop() is not loop:
                member = self._loops.here()
            if member is None or not member.in_flight:
                return  # counted as given up when its loop was closed
            member.in_flight -= 1
            self._backend.release(self._loops.clock(), sent=sent, answered=answered, late=late)
            if self._lanes.interactive or self._lanes.bulk:
                self._dispatch()

    def pause(self, seconds: float | None) -> float:
        """Close the gate for every call of this quota, an hour at most; None stands for 60 s. Return the seconds."""
        with LOCK:
            now = self._loops.clock()
            vague = seconds is None
            seconds = DEFAULT_PAUSE if seconds is None else min(seconds, LONGEST_CLOSED)
            # Later only, never earlier: several processes that were paused together should not come back together.
            until = now + seconds + self._chance() * min(_MOST_JITTER, seconds * 0.01)
            was_open = now >= self._backend.paused_until
            self._pauses += was_open
            if not self.kept:
                self._keep()
            for quota in (self, *self._relatives()):
                quota._backend.pause(now, until, vague=vague)
                quota._refuse_the_late(now)
                quota._schedule()
            paused, spaced = self.paused_for(), self._backend.spaced(now)
            pauses = self._pauses if self._backend.limit is not None else 1
            waiting = len(self._lanes)
        if was_open:
            _logger.warning("%s", pause_warning(paused, waiting, pauses, spaced=spaced))
        return paused

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
                paused_until=backend.paused_until if paused else None,
                paused_for=paused,
                wait=wait,
                spaced=backend.spaced(now),
            )
