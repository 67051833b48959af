"""Who waits for a slot, in which event loop, and who goes when."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from partoo_async.errors import PartooError, QuotaExceededError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.backend import Demand, SlidingWindow, Unlimited
from partoo_async.quota.event_loops import LOCK, EventLoops, LoopMember, running_loop
from partoo_async.quota.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.quota.backend import Backend

__all__ = ["LONGEST_PAUSE", "Lanes", "WaitQueue"]

W = TypeVar("W")

_logger = logging.getLogger("partoo_async.quota")

# Seconds. No call waits for the end of a longer pause: it is refused, with the time to come back. 0.25 is for jitter.
LONGEST_PAUSE = 300.25

# Seconds for which a request of a loop that was closed may still reach the server.
_ABANDONED = 15.0
# Seconds between looks at whether the loop that sent the probe is still open.
_CHECK_EVERY = 1.0
# Seconds. Raising after a wait of 0 would invite a busy loop; the next slot is at least a moment away.
_LEAST_WAIT = 0.05
# Of twenty slots given while bulk work waits, at least one goes to bulk.
_INTERACTIVE_RUN = 19


class Lanes(Generic[W]):
    """Who goes next: interactive calls before bulk work, the oldest first."""

    def __init__(self) -> None:
        # A cancelled waiter leaves an ordered dict from the middle without a search.
        self.interactive: OrderedDict[W, None] = OrderedDict()
        self.bulk: OrderedDict[W, None] = OrderedDict()
        # How many slots interactive calls took in a row while bulk work waited.
        self.run: int = 0

    def lane(self, priority: Priority) -> OrderedDict[W, None]:
        """Return the queue of a priority."""
        return self.interactive if priority is Priority.INTERACTIVE else self.bulk

    def __len__(self) -> int:
        return len(self.interactive) + len(self.bulk)

    @property
    def bulk_is_due(self) -> bool:
        """Whether the next slot is for bulk work."""
        return self.run >= _INTERACTIVE_RUN and bool(self.bulk)

    def next(self) -> Priority | None:
        """Return whose turn it is; None if nobody waits."""
        if self.interactive and not self.bulk_is_due:
            return Priority.INTERACTIVE
        return Priority.BULK if self.bulk else None

    def may_pass(self, priority: Priority) -> bool:
        """Whether nobody waits who goes before a new call."""
        return not self.interactive and not (self.bulk_is_due if priority is Priority.INTERACTIVE else self.bulk)

    def granted(self, priority: Priority) -> None:
        """Note who got a slot."""
        self.run = self.run + 1 if priority is Priority.INTERACTIVE and self.bulk else 0


class _Waiter:
    __slots__ = ("deadline", "future", "granted", "member", "priority", "timer")

    def __init__(self, priority: Priority, deadline: float, member: LoopMember) -> None:
        loop, context = asyncio.get_running_loop(), member.context
        future: asyncio.Future[bool] = loop.create_future()  # True: it has a slot; False: its time is over
        self.future, self.priority, self.deadline, self.member = future, priority, deadline, member
        self.granted = False
        # Not ``asyncio.timeout``, which costs as much as all the rest of a wait.
        self.timer = None if deadline == math.inf else loop.call_at(deadline, _settle, future, False, context=context)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class WaitQueue:
    """The waiting part of a quota."""

    def __init__(self, rate_limit: RateLimit | None, backend: Backend | None) -> None:
        self._backend: Backend = backend or (Unlimited() if rate_limit is None else SlidingWindow(rate_limit))
        limit, rules = self._backend.limit, rate_limit or RateLimit(reserve=0.0)
        self._gate = Gate(limit, self._backend.per, smooth=rules.pacing == "smooth")
        self._reserve = 0 if limit is None else min(limit - 1, math.floor(limit * rules.reserve + 1e-9))
        self._lanes: Lanes[_Waiter] = Lanes()
        self._loops = EventLoops(self.drop_closed_loops)
        self._reserved_until = -math.inf  # a window after the last interactive call

    def _reserved(self, priority: Priority, now: float) -> int:
        """How many slots a call must leave free."""
        exempt = priority is Priority.INTERACTIVE or self._lanes.bulk_is_due
        return 0 if exempt or now >= self._reserved_until else self._reserve

    def paused_for(self) -> float:
        """Return the seconds until the pause ends; 0.0 without one."""
        return max(0.0, self._gate.paused_until - self._loops.clock())

    def is_open(self) -> bool:
        """Whether no pause keeps requests from leaving."""
        return self._loops.clock() >= self._gate.paused_until

    def forecast(self, priority: Priority = Priority.INTERACTIVE, calls: int = 1) -> float:
        """Return for how many seconds new calls would wait at least.

        Args:
            priority: Their lane.
            calls: How many; 0 stands for those that wait already.
        """
        with LOCK:
            now = self._loops.clock()
            ahead = len(self._lanes) if priority is Priority.BULK else len(self._lanes.lane(priority))
            return max(0.0, self._ready_at(now, priority, max(0, ahead + calls - 1)) - now)

    def bulk_wait(self) -> float:
        """Return the seconds until the first waiting call of the bulk lane goes, 0.0 if none waits."""
        with LOCK:
            if not self._lanes.bulk:
                return 0.0
            now = self._loops.clock()
            return max(0.0, self._ready_at(now, Priority.BULK, 0) - now)

    def _ready_at(self, now: float, priority: Priority, position: int) -> float:
        backend, opens = self._backend, self._gate.paused_until
        reserved = self._reserved(priority, now)
        when = backend.ready_at(now, position, reserved, opens)
        if reserved:
            # The reserve is given up when interactive calls have not been seen for a window.
            when = min(when, max(self._reserved_until, backend.ready_at(now, position, 0, opens)))
        return max(when, self._gate.ready_at(now, position))

    def _enqueue(self, priority: Priority, deadline: float) -> _Waiter:
        with LOCK:
            member, wait = self._loops.enter(), self.forecast(priority)
            if self._loops.clock() + wait > deadline or self.paused_for() > LONGEST_PAUSE:
                raise self._refusal(wait, priority)
            waiter, lane = _Waiter(priority, deadline, member), self._lanes.lane(priority)
            lane[waiter] = None
            member.waiting += 1
            if len(lane) == 1 or member.timer is None:
                self._schedule()
            else:
                self._backend.demand_changed()  # the timer is for whoever goes first
            return waiter

    def _withdraw(self, waiter: _Waiter) -> None:
        """Take a waiter out that gave up, or its slot back."""
        waiter.stop_timer()
        with LOCK:
            lane = self._lanes.lane(waiter.priority)
            if waiter in lane:
                was_first = next(iter(lane)) is waiter
                self._take_out(waiter)
                if not was_first and waiter.member.waiting:
                    self._backend.demand_changed()
                    return  # nobody waits for what it had, and its loop's timer is not for it
            elif waiter.granted and waiter.member.in_flight:
                waiter.member.in_flight -= 1
                self._give_back(sent=False)
            else:
                return  # whoever took it out has seen to the others
            self._dispatch()

    def _take_out(self, waiter: _Waiter, error: PartooError | None = None) -> None:
        del self._lanes.lane(waiter.priority)[waiter]
        waiter.member.waiting -= 1
        if error is not None:
            waiter.member.call(_settle, waiter.future, error)

    def _waiters(self) -> list[_Waiter]:
        return [*self._lanes.interactive, *self._lanes.bulk]

    def _refusal(self, wait: float, priority: Priority) -> QuotaExceededError:
        backend, wait = self._backend, max(wait, _LEAST_WAIT)
        used_up = f"used up ({backend.limit} requests in {backend.per:g} s)"
        what = "paused by the server's 429" if self.paused_for() else used_up
        # Rounded up, or whoever does what the text says comes too early.
        advice = f"retry in {math.ceil(wait * 10) / 10:.1f} s, or allow it more time with timeout="
        if priority is Priority.INTERACTIVE:
            # Who gathers thousands of reads needs another tool, not more patience.
            advice += "; to read many groups, scan(section_id, group_ids=[...]) waits for the quota"
        return QuotaExceededError(f"the quota is {what} and cannot serve this call in time; {advice}", wait)

    def _after_pause(self, now: float) -> None:
        """Refuse at once whoever cannot wait for the end of a new pause."""
        opens = self._gate.paused_until
        for waiter in self._waiters():
            if opens > waiter.deadline or opens - now > LONGEST_PAUSE:
                self._take_out(waiter, self._refusal(opens - now, waiter.priority))
        self._schedule()

    def _give_back(self, *, sent: bool, late: float = 0.0) -> None:
        now = self._loops.clock()
        self._backend.release(now, sent=sent, answered=False, late=late)
        self._gate.ended(now, answered=False)

    def _dispatch(self) -> None:
        """Let waiters go, as long as there are slots."""
        now, gate = self._loops.clock(), self._gate
        while (priority := self._lanes.next()) is not None:
            waiter = next(iter(self._lanes.lane(priority)))
            if waiter.future.done() or waiter.member.is_closed():
                self._take_out(waiter)  # cancelled in this iteration of the loop, or with all of it
                continue
            if now < gate.opens_at or not self._backend.acquire(now, self._reserved(priority, now)):
                break
            gate.sent(now)
            self._take_out(waiter)
            self._lanes.granted(priority)
            waiter.granted = True
            waiter.member.in_flight += 1
            waiter.member.call(_settle, waiter.future, True)
        self._schedule()

    def _schedule(self) -> None:
        """Keep one timer in each loop that has waiters."""
        self._backend.demand_changed()
        priority, members = self._lanes.next(), self._loops.members
        when, here = None, running_loop()
        if priority is not None:
            now = self._loops.clock()
            # A response, or a change of the backend, calls _dispatch by itself; a timer is for what only time brings.
            # It may be set for a moment that has passed: the clock moves on between a refused slot and this line.
            opens = self._gate.opens_at
            if opens < math.inf and (now < opens or not self._backend.waits_for_change):
                when = max(self._ready_at(now, priority, 0), now)
            elif len(members) > 1:
                when = now + _CHECK_EVERY
        for member in members:
            if member.loop() is here:  # timers are not thread-safe
                member.set_timer(when if member.waiting else None, self._look)
            elif member.waiting and member.timer is None and when is not None:
                member.call(self._look)  # it has none if it waited only for a response, which has come here

    def _look(self, timed: LoopMember | None = None) -> None:
        if timed is not None:
            timed.timer = None
        with LOCK:
            if len(self._loops.members) > 1:
                self.drop_closed_loops()
            self._dispatch()

    def drop_closed_loops(self, *, everyone: bool = False) -> None:
        """Give up what closed loops had in the queue and in flight."""
        closed = self._loops.remove_closed(everyone=everyone)
        for waiter in [one for one in self._waiters() if one.member in closed]:
            self._take_out(waiter)
        for member in closed:
            for _ in range(member.in_flight):
                self._give_back(sent=True, late=_ABANDONED)
            member.in_flight = 0  # so that its calls return nothing when they are collected

    def _relatives(self) -> Iterable[WaitQueue]:
        """The quotas of other limits for the same key."""
        return ()

    def _demand(self) -> Demand:
        with LOCK:
            now, lanes = self._loops.clock(), self._lanes
            reserve_for = max(0.0, self._reserved_until - now)
            return Demand(len(lanes.interactive), len(lanes.bulk), reserve_for, self._gate.spaced_for(now))

    def _changed(self, paused_for: float) -> None:
        """Heed slots that came, or the pause of another process."""
        with LOCK:
            now, waiting = self._loops.clock(), len(self._lanes)
            is_news = paused_for > 0 and now >= self._gate.paused_until
            for quota in (self, *self._relatives()) if paused_for > 0 else ():
                quota._gate.close(now + paused_for)
                quota._after_pause(now)
            self._dispatch()
        if is_news:
            text = "another process met a 429: this quota is paused for %.1f s (waiting calls: %d)"
            _logger.warning(text, paused_for, waiting)


def _settle(future: asyncio.Future[bool], outcome: Exception | bool) -> None:
    if future.done():
        return  # cancelled meanwhile
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
