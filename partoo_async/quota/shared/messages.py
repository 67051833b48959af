"""What processes and their store tell each other. All times are whole milliseconds, which survive any JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from partoo_async.policy import RateLimit

__all__ = ["LONGEST_RESERVE", "Owner", "Reply", "Report", "State", "Terms", "terms_of"]

# Milliseconds for which the store keeps the reserve of a process that holds it at all times but says nothing: a web
# server without visitors. Bulk work must leave it the reserve for the next one.
LONGEST_RESERVE = 3_600_000

# The pace of spaced sends stays a thirtieth below the rate, as it does in one process.
_PACE = 30 / 29


class Terms(NamedTuple):
    """What the quota allows, and how processes keep in touch.

    Attributes:
        limit: Slots.
        hold: Milliseconds for which a slot is taken after its response.
        reserve: Slots that bulk work leaves free while interactive calls are made.
        beat: Milliseconds; a process that has slots reports at least as often.
        ttl: Milliseconds after its last report until a process is taken for dead.
        settle: Milliseconds in which all that are alive report, when a quota begins.
        again: The same after the store forgot or was away: also of those whose event loop stands still for a while.
        fallback: Slots that may be given before anybody has reported.
        pace: Milliseconds between two sends while sends are spaced.
    """

    limit: int
    hold: int
    reserve: int
    beat: int
    ttl: int
    settle: int
    fallback: int
    pace: int
    again: int = 0


class Report(NamedTuple):
    """All that a process knows about itself. It replaces whatever the store knew of it.

    Attributes:
        owner: The process, by a name that no other has.
        n: The number of its exchange, from 1.
        seen: The highest version that it was told; 0 before the first, and when nothing it did still counts.
        held: Slots that it has: unused ones and requests in flight.
        cooling: Pairs of milliseconds left and slots, for requests that were answered.
        interactive: Interactive calls that wait, and have no slot yet.
        bulk: The same for bulk work.
        reserve_for: Milliseconds for which bulk work must leave the reserve free; at most ``LONGEST_RESERVE``.
        pause: Milliseconds that are left of a 429 that this process met; 0 without one.
        spaced: Milliseconds for which sends have to be spaced after such a 429, or because the user wants it.
        answered: Whether a complete response came since the last pause ended, or since the last exchange.
        alone: Whether it could not reach the store for so long that it went on without.
        leave: Whether this is its last report for now.
    """

    owner: str
    n: int
    seen: int = 0
    held: int = 0
    cooling: tuple[tuple[int, int], ...] = ()
    interactive: int = 0
    bulk: int = 0
    reserve_for: int = 0
    pause: int = 0
    spaced: int = 0
    answered: bool = False
    alone: bool = False
    leave: bool = False


class Reply(NamedTuple):
    """What the store says.

    Attributes:
        n: The number of the exchange, so that an answer to another one is noticed.
        version: The number of exchanges of all processes.
        granted: Slots, to be used before the lease ends: ``ttl`` after the report was sent.
        paused_for: Milliseconds until anybody may send.
        members: Processes that use the quota at present.
        used: Slots taken by all of them.
        again_in: Milliseconds after which those that still wait should ask again.
        limit: Slots, the fewest that any of the members keeps to.
        hold: Milliseconds, the longest that any of them holds a slot.
        stale: Whether a later report of the process had come before: nothing was changed.
    """

    n: int
    version: int
    granted: int
    paused_for: int
    members: int
    used: int
    again_in: int
    limit: int
    hold: int
    stale: bool = False


class Owner(TypedDict):
    """What the store knows of a process; times are the store's.

    ``cooling`` has pairs of the time when slots are free, and how many. Lua writes an empty one as ``{}``.
    """

    n: int
    expires: int
    held: int
    cooling: list[list[int]]
    interactive: int
    bulk: int
    reserve_until: int
    limit: int
    hold: int


class State(TypedDict):
    """What a store keeps of a quota, as JSON; times are the store's, and 0 stands for never.

    ``version`` counts exchanges, and ``last`` is when the latest was. Until ``settled`` only ``allow`` slots are given.
    ``probe``: while the first request after a pause is still to be answered, when another may go in its stead.
    ``spaced``: until when sends are spaced, and ``due`` when the next may leave. ``run``: interactive slots given while
    bulk work waits.
    """

    version: int
    last: int
    settled: int
    allow: int
    paused: int
    probe: int
    spaced: int
    due: int
    run: int
    owners: dict[str, Owner]


def terms_of(rate_limit: RateLimit, fallback: float, timeout: float) -> Terms:
    """Return the terms for a limit.

    Args:
        rate_limit: What the quota allows.
        fallback: The fraction of the quota that a process may use while the store is away.
        timeout: Seconds after which an exchange is given up.
    """
    limit, per = rate_limit.slots, rate_limit.per * 1000
    beat = math.ceil(min(1000, max(100, per / 60)))
    ttl = max(1000, 5 * beat, math.ceil(3000 * timeout))  # a slow answer is no loss
    # Whoever was cut off tries again within a beat or a timeout, and its report takes up to a timeout.
    settle = math.ceil(1.5 * beat + timeout * 1000)
    return Terms(
        limit=limit,
        hold=math.ceil(per + max(2, per / 1200)),
        reserve=min(limit - 1, math.floor(limit * rate_limit.reserve + 1e-9)),
        beat=beat,
        ttl=ttl,
        settle=settle,
        fallback=max(1, math.floor(limit * fallback + 1e-9)) if fallback else 0,
        pace=math.ceil(per / limit * _PACE),
        # That is rare, and must not be over the limit: whoever is silent for so long has lost its lease.
        again=ttl + settle,
    )
