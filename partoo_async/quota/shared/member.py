"""One process's part of a shared quota. Pure: no clock here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from partoo_async.quota.shared.messages import LONGEST_RESERVE, Report
from partoo_async.quota.shared.sent import Sent

if TYPE_CHECKING:
    from partoo_async.policy import RateLimit
    from partoo_async.quota.backend import Demand
    from partoo_async.quota.shared.messages import Reply, Terms

__all__ = ["Member"]

# Seconds between exchanges for interactive calls, which often come one after the other.
_AT_ONCE = 0.005
# Failures in a row. One may be its own fault: it stood still while the answer came.
_LOST_AFTER = 3


class Member:
    """What a process knows of its slots and of the store.

    ``now`` is event loop time. ``awake`` is a clock that goes on while the machine sleeps, as the store's does.

    Args:
        rate_limit: What the quota allows.
        terms: The same, as the store is told.
        owner: Its name, which no other process has.
    """

    def __init__(self, rate_limit: RateLimit, terms: Terms, owner: str) -> None:
        per = rate_limit.per
        self.terms = terms
        self.owner = owner
        self.sent: Sent = Sent(per, terms.hold / 1000)
        self.is_cut_off: bool = False
        self.is_known: bool = False  # to the store, from the first report to the one with which it leaves
        self.members: int = 1
        self._limit = terms.limit
        self._beat, self._ttl = terms.beat / 1000, terms.ttl / 1000
        self._gap = min(0.1, max(0.005, per / 400))
        self._quiet = min(0.5, max(0.01, per / 100))
        self._pool = 0
        self._valid = -math.inf  # on the clock ``awake``
        self._touched = -math.inf
        self._n = self._seen = 0
        self._asked_at = self._heard_at = self._lease_from = -math.inf
        self._again_at = -math.inf
        self._open = (0, 0)  # calls of each lane that still waited after the last reply
        self._unreported_at = math.inf
        self._is_urgent = self._has_answer = self._is_probing = False
        self._paused_until = self._own_pause = -math.inf
        self._failures = self._cap = self._others = 0

    def pool(self, awake: float) -> int:
        """Return how many slots may be used at once."""
        if awake >= self._valid:
            self._pool = 0  # the store has taken them back
        return self._pool

    def acquire(self, now: float, awake: float, reserved: int) -> bool:
        """Take a slot. The store keeps the reserve; only a process that is cut off has to."""
        if self.pool(awake):
            self._pool -= 1
            self._touched = now
        elif not self.is_cut_off or self._free_alone(now) <= reserved * self._most_alone(now) // self._limit:
            return False
        self.sent.in_flight += 1
        return True

    def _most_alone(self, now: float) -> int:
        # What others hold is theirs until their leases have run out and a window has passed. Until then a process may
        # send in the place of its own slots, as they cool, and no more.
        grows_at = self._heard_at + self._ttl + self.sent.hold
        return self.terms.fallback if now >= grows_at else min(self.terms.fallback, self._cap)

    def _free_alone(self, now: float) -> int:
        return self._most_alone(now) - self.sent.used(now)

    def release(self, now: float, awake: float, *, sent: bool, answered: bool, late: float) -> None:
        """Return a slot, as ``Backend.release`` does."""
        self.sent.release(now, sent=sent, answered=answered, late=late)
        self._unreported_at = min(self._unreported_at, now)
        if not sent and awake < self._valid and now >= self._paused_until:
            self._pool += 1
            self._touched = now
        if sent and answered and now >= self._paused_until:
            self._has_answer = True
            self._is_urgent |= self._is_probing  # the others wait for this

    def pause(self, now: float, until: float) -> None:
        """Heed a 429 that this process met."""
        self._own_pause = until
        self._is_urgent = True
        self._heed(until)

    def _heed(self, until: float) -> None:
        self._paused_until = max(self._paused_until, until)
        self._is_probing, self._has_answer = True, False
        self._pool = 0

    def used(self, now: float, awake: float) -> int:
        """Return how many slots all processes have taken, as far as this one knows."""
        others = 0 if self.is_cut_off or now >= self._heard_at + self._ttl + self.sent.hold else self._others
        return others + self.pool(awake) + self.sent.used(now)

    def ready_at(self, now: float, position: int, reserved: int) -> float:
        """Return when a call may get a slot; nobody knows as long as the store grants them."""
        if not self.is_cut_off:
            return now
        most = self._most_alone(now)
        missing = position + 1 + reserved * most // self._limit - self._free_alone(now)
        ready = now if missing <= 0 else self.sent.ready_at(now, missing)
        grows_at = self._heard_at + self._ttl + self.sent.hold
        return min(ready, grows_at) if now < grows_at else ready

    def is_idle(self, now: float, awake: float, demand: Demand) -> bool:
        """Whether there is nothing to ask, and nothing of it counts."""
        waiting = demand.interactive or demand.bulk
        return not (waiting or self._is_urgent or self.pool(awake) or self.sent.used(now))

    def due(self, now: float, awake: float, demand: Demand) -> float | None:
        """Return when to talk to the store next; None for not at all."""
        beat = self._asked_at + self._beat
        if self.is_idle(now, awake, demand):
            return beat if self.is_known else None
        if self._failures:
            return beat
        soon = self._asked_at + self._gap
        if self._is_urgent:
            return soon
        due = min(beat, max(soon, self._unreported_at + self._quiet))
        if demand.interactive + demand.bulk > self._pool:
            # What the store said to those that waited then is nothing to a call that may have what they may not.
            interactive, bulk = self._open
            if demand.interactive > self._pool and not interactive:
                due = min(due, self._asked_at + _AT_ONCE)
            else:
                due = min(due, soon if not interactive and not bulk else max(soon, self._again_at))
        return due

    def report(self, now: float, awake: float, demand: Demand) -> Report:
        """Return what to tell the store now."""
        leave = self.is_idle(now, awake, demand)
        pool, waiting = self.pool(awake), demand.interactive + demand.bulk
        if pool and not waiting and now - self._touched >= self._beat:
            self._pool = pool = 0  # others may want them
        report = Report(
            owner=self.owner,
            n=self._n + 1,
            seen=self._seen,
            held=pool + self.sent.in_flight,
            cooling=self.sent.left(now),
            interactive=max(0, demand.interactive - pool),
            bulk=min(demand.bulk, max(0, waiting - pool)),
            reserve_for=min(LONGEST_RESERVE, _milliseconds(demand.reserve_for)),
            pause=_milliseconds(self._own_pause - now),
            spaced=self.terms.ttl if demand.spaced_for == math.inf else _milliseconds(demand.spaced_for),
            answered=self._has_answer,
            alone=self.is_cut_off,
            leave=leave,
        )
        return self._about_to_ask(report, now, awake)

    def farewell(self, now: float, awake: float) -> Report:
        """Return the last report. Nothing is granted from now on."""
        self._pool = 0
        self.is_cut_off = False
        report = Report(self.owner, self._n + 1, self._seen, self.sent.in_flight, self.sent.left(now), leave=True)
        return self._about_to_ask(report, now, awake)

    def _about_to_ask(self, report: Report, now: float, awake: float) -> Report:
        self._n = report.n
        self._asked_at, self._lease_from = now, awake
        if self._heard_at == -math.inf:
            self._heard_at = now  # nobody knows what others hold
        self._unreported_at, self._is_urgent, self._has_answer = math.inf, False, False
        self.is_known = True
        return report

    def heed(self, report: Report, reply: Reply, now: float, awake: float) -> float:
        """Take in a reply, and return for how many seconds another process was paused; 0.0 without news."""
        asked_at = self._asked_at
        self.is_cut_off, self._failures, self._heard_at = False, 0, asked_at
        self.members = reply.members
        # Whoever has left is a newcomer when it comes back: the store may have been emptied since, as it is for others.
        self.is_known, self._seen = not report.leave, 0 if report.leave else reply.version
        # What was sent at the end of a lease has a beat to arrive before the store counts the slot as used.
        self._valid = self._lease_from + self._ttl - self._beat
        if reply.granted and awake < self._valid:
            self._pool += reply.granted
            self._touched = now
        # The store forgot, and gave to others what this process had and did not tell in time: it was stopped, say.
        self._pool -= min(self._pool, max(0, reply.used - reply.limit))
        left = max(0, reply.granted - report.interactive)
        self._open = max(0, report.interactive - reply.granted), report.bulk - left
        self._again_at = now + reply.again_in / 1000
        self._others = max(0, reply.used - reply.granted - report.held - sum(slots for _, slots in report.cooling))
        self.sent.hold = max(self.terms.hold, reply.hold) / 1000
        if not reply.paused_for:
            self._is_probing &= not report.answered
            return 0.0
        # The store heard of it a trip later than the process that met it, so that it ends a trip later here.
        is_news = asked_at + reply.paused_for / 1000 > self._paused_until + self._ttl / 5
        self._heed(now + reply.paused_for / 1000)
        return reply.paused_for / 1000 if is_news else 0.0

    def fail(self, report: Report, now: float) -> bool:
        """Note that there was no reply. Return whether the process is cut off now."""
        self._failures += 1
        self._has_answer |= report.answered and now >= self._paused_until
        self.is_known = not report.leave
        if self.is_cut_off or self._failures < _LOST_AFTER or not self._has_run_out(now):
            return False
        self._cap = self.sent.used(now)
        self.is_cut_off = True
        return True

    def _has_run_out(self, now: float) -> bool:
        # Until then the others count what this process has. By then the store was silent for so long that it gives
        # nothing for a while, when it is back: a process that knows of no failure may be the first to ask.
        return now >= self._heard_at + self._ttl


def _milliseconds(seconds: float) -> int:
    return math.ceil(min(max(0.0, seconds), 1e9) * 1000)
