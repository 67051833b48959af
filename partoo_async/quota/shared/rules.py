"""One exchange with the shared store: a process reports all about itself, and is granted slots. Pure: no clock here.

Plain arithmetic, which Lua can do line by line. Nothing depends on the order of owners. No clocks of two processes are
compared: each tells how long something still takes, and the store's clock turns that into a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from partoo_async.quota.shared.messages import LONGEST_RESERVE, Reply

if TYPE_CHECKING:
    from partoo_async.quota.shared.messages import Owner, Report, State, Terms

__all__ = ["exchange"]

# After so many slots for interactive calls while bulk work waits anywhere, one goes to bulk.
_RUN = 19
# Beats. A store that heard nothing for longer, of processes that it took for alive, was away or its clock stepped.
_SILENT = 3


class _Sums(NamedTuple):
    """Over all processes.

    ``held`` and ``used``: slots. ``mine``: those that the asker uses. ``first``: when the next is free. ``rivals``:
    other processes whose bulk work waits. ``bulk``: all that waits; ``interactive``: calls that wait elsewhere.
    """

    held: int
    used: int
    mine: int
    first: int
    members: int
    rivals: int
    bulk: int
    interactive: int
    reserve_until: int
    limit: int
    hold: int


def exchange(state: State | None, report: Report, terms: Terms, now: int) -> tuple[State, Reply]:
    """Take in a report and grant slots. The store calls it for one process at a time.

    Args:
        state: What the store kept of the last exchange, which is used up; None if it has nothing.
        report: What the process says.
        terms: What it keeps to.
        now: Milliseconds of the store's clock.

    Returns:
        What to keep now, and the answer.
    """
    if state is None:
        state = _new_state(report, terms, now)
    else:
        _look_for_gaps(state, report, terms, now)
    owners = state["owners"]
    if report.owner in owners and report.n <= owners[report.owner]["n"]:
        sums = _add_up(owners, report.owner, terms, now)
        return state, _reply(state, report, sums, now, stale=True)
    state["version"] = max(state["version"], report.seen) + 1
    state["last"] = now
    owners[report.owner] = _owner_of(report, terms, now)
    _bury(owners, report.owner, now)
    _heed(state, report, terms, now)
    sums = _add_up(owners, report.owner, terms, now)
    if report.leave:
        if _is_over(owners[report.owner], now):
            del owners[report.owner]
        return state, _reply(state, report, sums, now)
    return state, _grant(state, report, terms, sums, now)


def _new_state(report: Report, terms: Terms, now: int) -> State:
    # Who saw an earlier state, or had to do without, is not the first: then nothing is given before all have reported.
    first = report.seen == 0 and not report.alone
    return {
        "version": 0,
        "last": now,
        "settled": now + (terms.settle if first else max(terms.settle, terms.again)),
        "allow": terms.fallback if first else 0,
        "paused": 0,
        "probe": 0,
        "spaced": 0,
        "due": 0,
        "run": 0,
        "owners": {},
    }


def _look_for_gaps(state: State, report: Report, terms: Terms, now: int) -> None:
    """Give nothing for a while, if what the store knows may be wrong."""
    last, owners = state["last"], state["owners"]
    back = now < last
    silent = False
    if now - last > _SILENT * terms.beat:
        silent = report.alone  # others may have done the same, and the store does not know them
        for name, owner in owners.items():
            silent = silent or (name != report.owner and owner["expires"] > last)
    if report.seen > state["version"] or back or silent:
        state["settled"] = now + max(terms.settle, terms.again)
        state["allow"] = 0
    if back:
        # Nothing may last as long as the clock stepped back. Who met a 429 tells of it anew.
        state["paused"] = state["probe"] = state["spaced"] = state["due"] = 0
        for owner in owners.values():
            owner["expires"] = min(owner["expires"], now + terms.ttl)
            owner["reserve_until"] = min(owner["reserve_until"], now + LONGEST_RESERVE)
            for pair in owner["cooling"]:
                pair[0] = min(pair[0], now + owner["hold"] + terms.ttl)


def _owner_of(report: Report, terms: Terms, now: int) -> Owner:
    return {
        "n": report.n,
        "expires": now if report.leave else now + terms.ttl,
        "held": report.held,
        "cooling": [[now + left, slots] for left, slots in report.cooling],
        "interactive": 0 if report.leave else report.interactive,
        "bulk": 0 if report.leave else report.bulk,
        "reserve_until": now + report.reserve_for,
        "limit": terms.limit,
        "hold": terms.hold,
    }


def _bury(owners: dict[str, Owner], asker: str, now: int) -> None:
    """Let the slots of dead processes cool, and forget what has cooled."""
    for name in list(owners):
        owner = owners[name]
        if owner["expires"] <= now and name != asker:
            if owner["held"] > 0:  # it may have sent them up to the moment at which its lease ended
                owner["cooling"] = [*owner["cooling"], [owner["expires"] + owner["hold"], owner["held"]]]
                owner["held"] = 0
            owner["interactive"] = owner["bulk"] = 0
        owner["cooling"] = [pair for pair in owner["cooling"] if pair[0] > now]
        if name != asker and _is_over(owner, now):
            del owners[name]


def _is_over(owner: Owner, now: int) -> bool:
    alive = owner["expires"] > now or owner["reserve_until"] > now
    return not alive and owner["held"] == 0 and len(owner["cooling"]) == 0


def _heed(state: State, report: Report, terms: Terms, now: int) -> None:
    """Take in the news of a 429, or of its end."""
    if report.pause > 0:
        state["paused"] = max(state["paused"], now + report.pause)
        state["probe"] = state["paused"] + terms.ttl
    elif report.answered and now >= state["paused"]:
        state["probe"] = 0
    if report.spaced > 0:
        state["spaced"] = max(state["spaced"], now + report.spaced)


def _add_up(owners: dict[str, Owner], asker: str, terms: Terms, now: int) -> _Sums:
    held = used = mine = members = rivals = bulk = interactive = reserve_until = first = 0
    limit, hold = terms.limit, terms.hold
    for name, owner in owners.items():
        taken = owner["held"]
        for free_at, slots in owner["cooling"]:
            if free_at > now:
                taken += slots
                first = free_at if first == 0 else min(first, free_at)
        held += owner["held"]
        used += taken
        reserve_until = max(reserve_until, owner["reserve_until"])
        if name == asker:
            mine = taken
        if owner["expires"] > now:
            members += 1
            bulk += owner["bulk"]
            limit = min(limit, owner["limit"])
            hold = max(hold, owner["hold"])
            if name != asker:
                interactive += owner["interactive"]
                rivals += 1 if owner["bulk"] > 0 else 0
    return _Sums(held, used, mine, first, members, rivals, bulk, interactive, reserve_until, limit, hold)


def _free(state: State, terms: Terms, sums: _Sums, now: int) -> int:
    """How many slots may be given at this moment."""
    free = max(0, sums.limit - sums.used)
    if now < state["paused"]:
        return 0
    if state["probe"] > 0:
        # One request alone: if nobody has a slot, or whoever has them is not heard of any more.
        free = min(free, 1) if sums.held == 0 or now >= state["probe"] else 0
    if now < state["settled"]:
        free = min(free, state["allow"])
    if now < state["spaced"]:
        # Who asks seldom may take what came due meanwhile; its own gate spaces that.
        due = max(state["due"], now - terms.beat // 4)
        free = min(free, 1 + (now - due) // terms.pace) if now >= due else 0
    return free


def _grant(state: State, report: Report, terms: Terms, sums: _Sums, now: int) -> Reply:
    """Give what is free: to interactive calls first, and of bulk work to each process its share."""
    free = _free(state, terms, sums, now)
    # Of any twenty slots, one is left for bulk work, wherever that waits.
    kept = min(sums.bulk, (state["run"] + min(report.interactive, free)) // (_RUN + 1))
    interactive = min(report.interactive, max(0, free - kept))
    owed = (state["run"] + interactive) // _RUN
    left = free - interactive
    open_to_bulk = left - terms.reserve if now < sums.reserve_until else left
    spare = open_to_bulk - sums.interactive
    share = max(math.ceil(spare / (1 + sums.rivals)), sums.limit // (1 + sums.rivals) - sums.mine)
    bulk = min(report.bulk, left, max(owed, min(spare, share)))
    granted = interactive + bulk
    state["run"] = max(0, min(_RUN * (sums.bulk - bulk), state["run"] + interactive - _RUN * bulk))
    mine = state["owners"][report.owner]
    mine["held"] += granted
    mine["interactive"] -= interactive
    mine["bulk"] -= bulk
    if granted > 0:
        if now < state["settled"]:
            state["allow"] -= granted
        if now < state["spaced"]:
            state["due"] = max(state["due"], now - terms.beat // 4) + granted * terms.pace
        if state["probe"] > 0:
            state["probe"] = now + terms.ttl
    sums = sums._replace(used=sums.used + granted)
    again_in = _again_in(state, terms, sums, now, shared=mine["bulk"] > 0 and open_to_bulk > bulk)
    return _reply(state, report, sums, now, granted=granted, again_in=again_in)


def _again_in(state: State, terms: Terms, sums: _Sums, now: int, *, shared: bool) -> int:
    """When asking again may help. ``shared``: slots were left to other processes, which may not want them."""
    shut = max(state["paused"], state["settled"] if state["allow"] <= 0 else 0) - now
    if shut > 0:
        return shut
    if state["probe"] > 0:
        return terms.beat // 4
    if now < state["spaced"] and sums.used < sums.limit:
        return max(0, state["due"] - now)
    if shared:
        return 0
    return min(terms.beat, sums.first - now) if sums.first > 0 else terms.beat


def _reply(
    state: State, report: Report, sums: _Sums, now: int, *, granted: int = 0, again_in: int = 0, stale: bool = False
) -> Reply:
    return Reply(
        n=report.n,
        version=state["version"],
        granted=granted,
        paused_for=max(0, state["paused"] - now),
        members=sums.members,
        used=sums.used,
        again_in=again_in,
        limit=sums.limit,
        hold=sums.hold,
        stale=stale,
    )
