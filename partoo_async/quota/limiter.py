"""The quota of one organization: lanes of waiters in front of a backend that keeps the slots."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING, NamedTuple

from partoo_async._repr import total_repr
from partoo_async.errors import ClientClosedError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.lanes import Lanes
from partoo_async.quota.messages import pause_warning, refusal
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.window import DEFAULT_PAUSE, LONGEST_CLOSED, Backend, OpenGate, SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.errors import QuotaExceededError

__all__ = ["LONGEST_PAUSE", "Quota"]

_logger = logging.getLogger("partoo_async.quota")

_MOST_JITTER = 0.25  # seconds that a pause may last longer than asked

LONGEST_PAUSE = 300.0 + _MOST_JITTER
"""A call never sits out a longer pause in silence: it is refused with the time to come back."""


class _Waiter(NamedTuple):
    future: asyncio.Future[None]
    deadline: float


@total_repr
class Quota:
    """Grants slots: interactive calls before bulk ones, first in first out within each, none while the gate is closed.

    Share one between clients of the same organization with ``PartooClient(quota=...)``; clients of the same server,
    key and ``RateLimit`` share one by themselves. It belongs to the event loop that uses it first.
    """

    def __init__(
        self,
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen, so that sharing the default is harmless
        *,
        backend: Backend | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.rate_limit = rate_limit
        self._backend: Backend = backend or (OpenGate() if rate_limit is None else SlidingWindow(rate_limit))
        limit = self._backend.limit
        self._reserve = (
            0 if rate_limit is None or limit is None else min(limit - 1, math.floor(limit * rate_limit.reserve + 1e-9))
        )
        self._lanes: Lanes[_Waiter] = Lanes()
        self._chance = chance
        self._interactive_seen = -math.inf
        self._pauses = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        state = self.snapshot()
        due = "" if self._timer is None else f", wakes in {self._timer.when() - self._now():.2f} s"
        paused = f", paused for {state.paused_for:.2f} s" if state.paused_for else ""
        return f"<Quota {state.used} of {state.limit} used per {state.per:g} s, {state.waiting} waiting{paused}{due}>"

    def _now(self) -> float:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    def _spare(self, priority: Priority, now: float) -> int:
        """How many slots a call must leave free: bulk leaves the reserve while interactive calls are being made."""
        if priority is Priority.INTERACTIVE or self._lanes.bulk_is_due:
            return 0
        return self._reserve if now < self._interactive_seen + self._backend.per else 0

    def try_acquire(self, priority: Priority = Priority.INTERACTIVE) -> bool:
        """Take a slot and return True, if that needs no waiting."""
        now, lanes = self._now(), self._lanes
        if self._loop is not asyncio.get_running_loop():
            raise ClientClosedError("this quota belongs to another event loop; make one Quota per loop")
        interactive = priority is Priority.INTERACTIVE
        if interactive and now > self._interactive_seen:
            self._interactive_seen = now
        # Nearly always nobody waits, and then there is no order to keep and no turn to count.
        crowded = lanes.interactive or lanes.bulk
        if crowded and not lanes.may_pass(priority):
            return False
        if not self._backend.acquire(now, 0 if interactive else self._spare(priority, now)):
            return False
        if crowded or lanes.run:
            lanes.granted(priority)
        return True

    def hold_reserve(self) -> None:
        """Let bulk work leave the reserve free from now on, even if no interactive call was seen for a window."""
        self._interactive_seen = math.inf

    async def acquire(self, priority: Priority = Priority.INTERACTIVE, deadline: float = math.inf) -> None:
        """Wait for a slot in the order of the lanes. ``deadline`` is a time of the event loop.

        Raises ``QuotaExceededError``: at once when the quota cannot serve the call before its deadline or is paused
        for more than five minutes, and at the deadline when calls that go before it took the slot it was to have.
        """
        if self.try_acquire(priority):
            return
        now = self._now()
        wait = self.forecast(priority)
        if now + wait > deadline or self.paused_for() > LONGEST_PAUSE:
            raise self._refusal(wait)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), deadline)
        self._lanes.lane(priority)[waiter] = None
        self._schedule()
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

    def _withdraw(self, priority: Priority, waiter: _Waiter) -> None:
        """Take a waiter out that will not come for its slot; give the slot back if it was granted in this moment."""
        if self._lanes.lane(priority).pop(waiter, self) is self:
            future = waiter.future
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release(sent=False)
        else:
            self._dispatch()  # it may have been the head, and the next one may be let in

    def _refusal(self, wait: float) -> QuotaExceededError:
        return refusal(self._backend.limit, self._backend.per, self.paused_for(), wait)

    def release(self, *, sent: bool = True, answered: bool = True) -> None:
        """Return a slot. ``sent``: the server may have seen the request; ``answered``: its answer was complete."""
        self._backend.release(self._now(), sent=sent, answered=answered)
        if self._lanes.interactive or self._lanes.bulk:
            self._dispatch()

    def pause(self, seconds: float | None) -> float:
        """Close the gate for every call of this quota, an hour at most; None stands for 60 s. Return the seconds."""
        now = self._now()
        seconds = DEFAULT_PAUSE if seconds is None else min(seconds, LONGEST_CLOSED)
        # Later only, never earlier: several processes that were paused together should not come back together.
        until = now + seconds + self._chance() * min(_MOST_JITTER, seconds * 0.01)
        was_open = now >= self._backend.paused_until
        self._backend.pause(now, until)
        if was_open:
            self._pauses += 1
            pauses = self._pauses if self._backend.limit is not None else 1
            _logger.warning("%s", pause_warning(self.paused_for(), len(self._lanes), pauses))
        self._refuse_the_late(now)
        self._schedule()
        return self.paused_for()

    def _refuse_the_late(self, now: float) -> None:
        """Tell the waiters that the pause outlasts now, not when their time is up."""
        opens = self._backend.paused_until
        for priority in Priority:
            lane = self._lanes.lane(priority)
            for waiter in [one for one in lane if opens > one.deadline or opens - now > LONGEST_PAUSE]:
                del lane[waiter]
                if not waiter.future.done():
                    waiter.future.set_exception(self._refusal(opens - now))

    def paused_for(self) -> float:
        """Return the seconds until the gate opens, 0.0 when it is open."""
        return max(0.0, self._backend.paused_until - self._now())

    def forecast(self, priority: Priority = Priority.INTERACTIVE, calls: int = 1) -> float:
        """Return the least seconds until the last of ``calls`` new calls goes; with 0, the last that waits."""
        now = self._now()
        ahead = len(self._lanes) if priority is Priority.BULK else len(self._lanes.lane(priority))
        return max(0.0, self._ready_at(now, priority, max(0, ahead + calls - 1)) - now)

    def _ready_at(self, now: float, priority: Priority, position: int) -> float:
        spare = self._spare(priority, now)
        when = self._backend.ready_at(now, position, spare)
        if spare:
            # The reserve is given up when interactive calls have not been seen for a window.
            lapse = self._interactive_seen + self._backend.per
            when = min(when, max(lapse, self._backend.ready_at(now, position)))
        return when

    def snapshot(self) -> QuotaSnapshot:
        """Return the present state, for a health page or a log line. Outside a loop, that of a fresh quota."""
        backend, limit = self._backend, self._backend.limit
        interactive, bulk = (len(self._lanes.lane(priority)) for priority in Priority)
        if self._loop is None:
            used, paused, wait = 0, 0.0, 0.0
        else:
            used, paused, wait = backend.used(self._now()), self.paused_for(), self.forecast()
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
        )

    def _dispatch(self) -> None:
        """Let through whoever can go now, in order."""
        now = self._now()
        while (priority := self._lanes.next()) is not None:
            lane = self._lanes.lane(priority)
            waiter = next(iter(lane))
            if waiter.future.done():
                del lane[waiter]  # cancelled in this turn of the loop
                continue
            if not self._backend.acquire(now, self._spare(priority, now)):
                break
            del lane[waiter]
            self._lanes.granted(priority)
            waiter.future.set_result(None)
        self._schedule()

    def _schedule(self) -> None:
        """Keep one timer, at the moment when the next waiter can be let through, and none when nobody waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        priority = self._lanes.next()
        if priority is None or self._loop is None:
            return
        now = self._now()
        # An answer calls _dispatch by itself; a timer is for what only time brings. It is set for a moment that has
        # passed, too: the clock moves on between a refused slot and this line.
        if not self._backend.waits_for_answer:
            self._timer = self._loop.call_at(max(self._ready_at(now, priority, 0), now), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._dispatch()
