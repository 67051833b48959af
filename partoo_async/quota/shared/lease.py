"""The backend of a process whose quota others share."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from partoo_async.quota.backend import Backend
from partoo_async.quota.event_loops import LOCK, has_own_clock
from partoo_async.quota.shared.keeper import Keeper, start_task
from partoo_async.quota.shared.member import Member
from partoo_async.quota.shared.messages import terms_of
from partoo_async.quota.shared.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.policy import RateLimit
    from partoo_async.quota.backend import Demand
    from partoo_async.quota.shared.messages import Reply, Report
    from partoo_async.quota.shared.store import Store

__all__ = ["Lease"]

_logger = logging.getLogger("partoo_async.quota")

# Exchanges' timeouts for a store to be opened at the start, where there is no way to go on without it.
_OPENING = 5

# Seconds after which to look whether the event loop of another thread was closed.
_LOOK_AGAIN = 0.05


def _awake() -> float:
    # A lease goes on while a laptop or a virtual machine sleeps, when the monotonic clock of Linux stands still.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lease(Backend):
    """Grants slots that the store leased, and without a store a fraction of the quota.

    It talks to the store while calls wait, are in flight or cool, in whichever event loop has such a call: by a timer,
    and a task for the moment of an exchange. When nothing counts any more it takes leave and disconnects.

    Args:
        rate_limit: What all processes together may send.
        store: Where they meet.
        fallback: The fraction of the quota that this process may use while the store is away.
        timeout: Seconds after which an exchange is given up.
    """

    is_shared = True

    def __init__(self, rate_limit: RateLimit, store: Store, *, fallback: float = 0.1, timeout: float = 1.0) -> None:
        self.limit: int = rate_limit.slots
        self.per: float = rate_limit.per
        self._rate_limit, self._store, self._timeout = rate_limit, store, timeout
        self._terms = terms_of(rate_limit, fallback, timeout)
        self._demand: Callable[[], Demand] | None = None  # None: not started, or closed
        self._changed: Callable[[float], None] = lambda _: None
        self._is_open = False
        self._clock, self._awake = time.monotonic, _awake
        self._keeper = Keeper(self._due, self._exchange, self._moved)
        self._differs = False
        self._member = self._new_member()

    def _new_member(self) -> Member:
        # Who holds what is shown to people, so that the name says where to look.
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        return Member(self._rate_limit, self._terms, owner)

    def __del__(self) -> None:
        if self._is_open:
            self._store.abandon()

    @property
    def waits_for_change(self) -> bool:  # type: ignore[override]
        """Whether only the store brings slots."""
        return not self._member.is_cut_off

    @property
    def members(self) -> int:  # type: ignore[override]
        """How many processes share the quota, as the store said last."""
        return self._member.members

    @property
    def mode(self) -> Literal["own", "shared", "fallback"]:  # type: ignore[override]
        """Whether the store answers."""
        return "fallback" if self._member.is_cut_off else "shared"

    # What quotas call, under the lock.

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Take a leased slot, or one of the fallback."""
        return self._member.acquire(now, self._awake(), reserved)

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot, and tell the store of it soon."""
        self._member.release(now, self._awake(), sent=sent, answered=answered, late=late)
        self.demand_changed()

    def pause(self, now: float, until: float) -> None:
        """Tell the store of a 429."""
        self._member.pause(now, until)
        self.demand_changed()

    def used(self, now: float) -> int:
        """Return how many slots all processes had taken, as the store said last, and this one has now."""
        return min(self.limit, self._member.used(now, self._awake()))

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the end of the pause, and for the fallback when a slot has cooled."""
        return max(opens, self._member.ready_at(now, position, reserved))

    def forgotten_at(self) -> float:
        """Return when no slot of this process is taken any more."""
        return self._member.sent.forgotten_at()

    def demand_changed(self) -> None:
        """Talk to the store if there is a need."""
        if self._demand is not None:
            self._keeper.wake()

    def forked(self) -> None:
        """Begin anew, under another name."""
        self._keeper.forget()
        self._member = self._new_member()
        if self._is_open:
            self._is_open = False
            self._store.abandon()

    # The keeper's work.

    def _due(self) -> float | None:
        if self._demand is None:
            return None
        return self._member.due(self._clock(), self._awake(), self._demand())

    def _moved(self, loop: asyncio.AbstractEventLoop) -> None:
        own = has_own_clock(loop)
        self._clock, self._awake = (loop.time, loop.time) if own else (time.monotonic, _awake)
        if self._is_open:
            self._is_open = False
            self._store.abandon()

    async def _exchange(self) -> None:
        me = asyncio.current_task()
        with LOCK:
            if self._demand is None:
                return
            report = self._member.report(self._clock(), self._awake(), self._demand())
        reply, problem = None, ""
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._ask(report)
        except TimeoutError:
            problem = f"no answer within {self._timeout:g} s"
        except StoreError as error:
            problem = str(error)
        except Exception as error:  # whatever a driver raises, calls go on without the store
            problem = type(error).__name__  # its text may have a password
        with LOCK:
            if not self._keeper.owns(me):
                return
            news = self._failed(report, problem) if reply is None else self._answered(report, reply)
        if news is not None:
            self._changed(news)
        if report.leave:
            await self._disconnect(self._timeout)

    async def _ask(self, report: Report) -> Reply:
        if not self._is_open:
            await self._store.open()
            self._is_open = True
        reply = await self._store.exchange(report, self._terms)
        if reply.n != report.n:
            raise StoreError("it answered another question")
        return reply

    def _failed(self, report: Report, problem: str) -> float | None:
        if not self._member.fail(report, self._clock()):
            return None
        text = "the store of the shared quota is away (%s): this process goes on with at most %d of %d requests in %g s"
        _logger.warning(text, problem, self._terms.fallback, self.limit, self.per)
        return 0.0

    def _answered(self, report: Report, reply: Reply) -> float | None:
        member, was_cut_off = self._member, self._member.is_cut_off
        paused_for = member.heed(report, reply, self._clock(), self._awake())
        if reply.stale:
            # Somebody goes by the same name, say a copy of this virtual machine. Its slots are left to it.
            member.owner = self._new_member().owner
        if was_cut_off:
            _logger.info("the store of the shared quota is back")
        if (reply.limit, reply.hold) != (self._terms.limit, self._terms.hold) and not self._differs:
            self._differs = True
            text = "processes disagree on the shared quota: the least, %d requests in %.4g s, counts for all of them"
            _logger.warning(text, reply.limit, reply.hold / 1000)
        return paused_for if paused_for or reply.granted or was_cut_off else None

    # Start and end.

    async def start(self, demand: Callable[[], Demand], changed: Callable[[float], None]) -> None:
        """Connect to the store."""
        seconds = _OPENING * self._timeout
        with LOCK:
            self._keeper.move_to(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(seconds):
                await self._store.open()
        except TimeoutError:
            self._store.abandon()
            raise StoreError(f"no answer within {seconds:g} s") from None
        self._is_open = True
        self._demand, self._changed = demand, changed

    async def aclose(self) -> None:
        """Give the lease back and disconnect, within the timeout; cancelled, it does so before it says so."""
        with LOCK:
            self._demand = None
            here, loop = asyncio.get_running_loop(), self._keeper.loop()
            if loop is None or not loop.is_running():
                self._keeper.move_to(loop := here)
        farewell = asyncio.ensure_future(self._leave() if loop is here else self._leave_in(loop))
        seconds = 4 * self._timeout
        try:
            await asyncio.wait([farewell], timeout=seconds)
        except asyncio.CancelledError:
            await asyncio.wait([farewell], timeout=seconds)
            raise

    async def _leave_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave in the keeper's loop; if that is busy for long or ends meanwhile, in this one."""
        done: Future[None] = Future()
        leaving: list[asyncio.Task[None]] = []  # an event loop does not hold its tasks

        def begin() -> None:
            if not done.cancelled():
                leaving.append(start_task(loop, self._leave))
                leaving[0].add_done_callback(end)

        def end(_: object) -> None:
            if not done.cancelled():
                done.set_result(None)

        with suppress(RuntimeError, TimeoutError):  # closed in this moment
            loop.call_soon_threadsafe(begin)
            async with asyncio.timeout(2 * self._timeout):
                answer = asyncio.wrap_future(done)
                while not answer.done() and not loop.is_closed():
                    await asyncio.wait([answer], timeout=_LOOK_AGAIN)
        done.cancel()
        if self._is_open:
            with LOCK:
                self._keeper.move_to(asyncio.get_running_loop())
            await self._leave()

    async def _leave(self) -> None:
        with LOCK:
            task = self._keeper.stop()
            report = self._member.farewell(self._clock(), self._awake()) if self._member.is_known else None
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout
        with suppress(Exception):  # then the lease ends by itself
            async with asyncio.timeout_at(until):
                if task is not None:
                    await asyncio.wait([task])
                if report is not None:
                    await self._ask(report)
        self._member.is_known = False
        await self._disconnect(until - loop.time())

    async def _disconnect(self, seconds: float) -> None:
        if not self._is_open:
            return
        self._is_open = False
        try:
            async with asyncio.timeout(seconds):
                await self._store.aclose()
        except Exception:
            self._store.abandon()
