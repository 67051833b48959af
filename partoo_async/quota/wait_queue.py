"""Who waits for a slot, in which loop, and who is let through when: the lanes of one quota in front of its backend."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from partoo_async.policy import Priority
from partoo_async.quota.lanes import Lanes
from partoo_async.quota.loops import LOCK, Loops, Member
from partoo_async.quota.messages import refusal

if TYPE_CHECKING:
    from partoo_async.errors import QuotaExceededError
    from partoo_async.policy import RateLimit
    from partoo_async.quota.backend import Backend

__all__ = ["LONGEST_PAUSE", "Queue"]

LONGEST_PAUSE = 300.25
"""A call never sits out a longer pause in silence: it is refused with the time to come back. The fraction: jitter."""

# Seconds for which a request of a loop that was closed may still be on its way.
_LATE = 15.0
# Seconds between looks at whether the loop that sent the one request after a pause is still there.
_LOOK = 1.0


class _Waiter:
    __slots__ = ("deadline", "future", "granted", "member")

    def __init__(self, future: asyncio.Future[None], deadline: float, member: Member) -> None:
        self.future = future
        self.deadline = deadline
        self.member = member
        self.granted = False


class Queue:
    """The waiting part of a quota."""

    def __init__(self, rate_limit: RateLimit | None, backend: Backend) -> None:
        limit = backend.limit
        self._backend = backend
        self._reserve = (
            0 if rate_limit is None or limit is None else min(limit - 1, math.floor(limit * rate_limit.reserve + 1e-9))
        )
        self._lanes: Lanes[_Waiter] = Lanes()
        self._loops = Loops(self.bury)
        self._reserved_until = -math.inf  # a window after the last interactive call

    def _spare(self, priority: Priority, now: float) -> int:
        """How many slots a call must leave free: bulk leaves the reserve while interactive calls are being made."""
        if priority is Priority.INTERACTIVE or self._lanes.bulk_is_due:
            return 0
        return self._reserve if now < self._reserved_until else 0

    def paused_for(self) -> float:
        """Return the seconds until the gate opens, 0.0 when it is open."""
        return max(0.0, self._backend.paused_until - self._loops.clock())

    def is_open(self) -> bool:
        """Whether a request may leave now: no 429 has closed the gate."""
        return self._loops.clock() >= self._backend.paused_until

    def forecast(self, priority: Priority = Priority.INTERACTIVE, calls: int = 1) -> float:
        """Return the least seconds until the last of ``calls`` new calls goes; with 0, the last that waits."""
        with LOCK:
            now = self._loops.clock()
            ahead = len(self._lanes) if priority is Priority.BULK else len(self._lanes.lane(priority))
            return max(0.0, self._ready_at(now, priority, max(0, ahead + calls - 1)) - now)

    def _ready_at(self, now: float, priority: Priority, position: int) -> float:
        spare = self._spare(priority, now)
        when = self._backend.ready_at(now, position, spare)
        if spare:
            # The reserve is given up when interactive calls have not been seen for a window.
            when = min(when, max(self._reserved_until, self._backend.ready_at(now, position)))
        return when

    def _queue(self, priority: Priority, deadline: float) -> _Waiter:
        with LOCK:
            member, now = self._loops.enter(), self._loops.clock()
            wait = self.forecast(priority)
            if now + wait > deadline or self.paused_for() > LONGEST_PAUSE:
                raise self._refusal(wait)
            waiter = _Waiter(asyncio.get_running_loop().create_future(), deadline, member)
            self._lanes.lane(priority)[waiter] = None
            member.waiting += 1
            self._schedule()
            return waiter

    def _withdraw(self, priority: Priority, waiter: _Waiter) -> None:
        """Take a waiter out that will not come for its slot; give the slot back if it was granted in this moment."""
        with LOCK:
            if waiter in self._lanes.lane(priority):
                self._take_out(priority, waiter)
                self._dispatch()  # it may have been the head, and the next one may be let in
            elif waiter.granted and waiter.member.in_flight:
                waiter.member.in_flight -= 1
                self._give_back(sent=False, answered=False)

    def _take_out(self, priority: Priority, waiter: _Waiter) -> None:
        del self._lanes.lane(priority)[waiter]
        waiter.member.waiting -= 1

    def _refusal(self, wait: float) -> QuotaExceededError:
        return refusal(self._backend.limit, self._backend.per, self.paused_for(), wait)

    def _refuse_the_late(self, now: float) -> None:
        """Tell the waiters that the pause outlasts now, not when their time is up."""
        opens = self._backend.paused_until
        for priority in Priority:
            lane = self._lanes.lane(priority)
            for waiter in [one for one in lane if opens > one.deadline or opens - now > LONGEST_PAUSE]:
                self._take_out(priority, waiter)
                waiter.member.tell(waiter.future, self._refusal(opens - now))

    def _give_back(self, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot and let through whoever can go by that."""
        self._backend.release(self._loops.clock(), sent=sent, answered=answered, late=late)
        if self._lanes.interactive or self._lanes.bulk:
            self._dispatch()

    def _dispatch(self) -> None:
        """Let through whoever can go now, in order."""
        now = self._loops.clock()
        while (priority := self._lanes.next()) is not None:
            waiter = next(iter(self._lanes.lane(priority)))
            if waiter.future.done() or waiter.member.is_gone():
                self._take_out(priority, waiter)  # cancelled in this turn of the loop, or with all of it
                continue
            if not self._backend.acquire(now, self._spare(priority, now)):
                break
            self._take_out(priority, waiter)
            self._lanes.granted(priority)
            waiter.granted = True
            waiter.member.in_flight += 1
            waiter.member.tell(waiter.future)
        self._schedule()

    def _schedule(self) -> None:
        """Keep one timer in each loop where somebody waits, at the moment when the next waiter can be let through."""
        priority, members = self._lanes.next(), self._loops.members
        when = None
        if priority is not None:
            now = self._loops.clock()
            # An answer calls _dispatch by itself; a timer is for what only time brings. It is set for a moment that
            # has passed, too: the clock moves on between a refused slot and this line.
            if not self._backend.waits_for_answer:
                when = max(self._ready_at(now, priority, 0), now)
            elif len(members) > 1:
                when = now + _LOOK
        for member in members:
            if member.is_here():
                member.set_timer(when if member.waiting else None, self._wake)
            elif member.waiting and member.timer is None and when is not None:
                member.call(self._look)  # it may have had nothing to wait for but an answer that has come here

    def _wake(self, member: Member) -> None:
        member.timer = None
        self._look()

    def _look(self) -> None:
        with LOCK:
            if len(self._loops.members) > 1:
                self.bury()
            self._dispatch()

    def bury(self, *, everyone: bool = False) -> None:
        """Take out the loops that were closed: their waiters are gone, their requests given up."""
        gone = self._loops.leave(everyone=everyone)
        for priority in Priority if gone else ():
            for waiter in [one for one in self._lanes.lane(priority) if one.member in gone]:
                self._take_out(priority, waiter)
        for member in gone:
            for _ in range(member.in_flight):
                self._backend.release(self._loops.clock(), sent=True, answered=False, late=_LATE)
            member.in_flight = 0  # what its calls return when they are collected is returned
