"""An explorer of the shared quota: every order of events that three processes, three slots and a store can get into.

Breadth first, over the rules and the members themselves. Time goes in ticks of a beat. In each tick every process that
runs makes one exchange, in any order, and sends any of its slots before and after it; what goes wrong, and when, is
open, too. States are kept relative to the present and without names, so that there are finitely many.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from partoo_async.policy import RateLimit
from partoo_async.quota.backend import Demand
from partoo_async.quota.shared import rules
from partoo_async.quota.shared.member import Member
from partoo_async.quota.shared.messages import Report, Terms

LIMIT, HOLD = 3, 4
# In ticks: a lease of 5, and 3 until all have reported, even if one exchange of each gets lost. A slot is free a little
# before the tick, since members round up.
TERMS = Terms(LIMIT, HOLD * 1000 - 50, reserve=0, beat=1000, ttl=5000, settle=3000, fallback=1, pace=1000)
NOW = 1000.0
NOW_MS = 1_000_000
_EARLY_MS = 20
# What stands for 0 where there may be less: -1 and -2 have the same hash.
_N = _SEEN = 1000
_ZERO = 20
_OLDEST = 12
# Ticks for which a report may be under way, and for which a copy of the state is of interest: an older one is silent.
_LATE, _COPY = 2, 3

RUNS, STANDS, DEAD = 0, 1, 2
FAULTS = ("crash", "stop", "lost", "unheard", "late", "flush", "stale", "outage", "partition")


class Part(NamedTuple):
    """One process, and what the store, its snapshot and the server know of it."""

    status: int = RUNS
    acted: bool = False
    seen: int = 0
    pool: int = 0
    valid: int = 0
    cooling: tuple[tuple[int, int], ...] = ()
    failures: int = 0
    is_alone: bool = False
    cap: int = 0
    grows: int = -1  # never asked
    entry: tuple[Any, ...] | None = None  # n, expires, held, cooling
    old_entry: tuple[Any, ...] | None = None
    heard: bool = False  # since the snapshot
    told: bool = True  # since the store forgot something
    stood: bool = False  # since then, before it told
    reach: bool = True
    air: tuple[Any, ...] | None = None  # a report that may still be applied
    arrivals: tuple[tuple[int, bool], ...] = ()  # age, and whether nobody can be blamed for forgetting it


class Node(NamedTuple):
    """A state of the world. ``store``: last, settled, allow, version, as ticks from now; None if it is empty."""

    parts: tuple[Part, ...]
    store: tuple[int, int, int, int] | None
    old: tuple[int, int, int, int] | None
    copy_age: int
    is_up: bool
    left: tuple[int, ...]


@dataclass
class Outcome:
    """What an exploration found: the first story that goes over the limit, if there is one."""

    states: int
    steps: int
    is_complete: bool
    story: list[str] | None


def _ticks(milliseconds: float) -> int:
    return max(0, math.ceil(milliseconds / 1000))


class Model:
    """Explores.

    ``faults``: how often each thing may go wrong. ``extra``: slots above the limit that are allowed.
    """

    def __init__(self, faults: dict[str, int], *, processes: int = 3, extra: int = 0) -> None:
        self.extra = extra
        self.start = Node((Part(),) * processes, None, None, 0, True, tuple(faults.get(name, 0) for name in FAULTS))
        self._member = Member(RateLimit(LIMIT, float(HOLD)), TERMS, "")

    # From and to the objects of the package.

    def _to_member(self, part: Part) -> Member:
        member = self._member
        member._n, member._seen, member._pool, member._valid = _N, part.seen, part.pool, NOW + part.valid
        member._failures, member.is_cut_off, member._cap = part.failures, part.is_alone, part.cap
        never = part.grows < 0
        member._heard_at = -math.inf if never else NOW + part.grows - member._ttl - member.sent.hold
        member._touched, member._paused_until, member._own_pause = NOW, -math.inf, -math.inf
        member._is_urgent = member._has_answer = member._is_probing = False
        member.sent.in_flight = 0
        member.sent._cooling = deque([NOW + left - _EARLY_MS / 1000, slots] for left, slots in part.cooling)
        member.sent._cool = sum(slots for _, slots in part.cooling)
        return member

    def _from_member(self, part: Part, member: Member) -> Part:
        member.sent.used(NOW)
        pool, valid = member.pool(NOW), _ticks((member._valid - NOW) * 1000)
        never = member._heard_at == -math.inf
        return part._replace(
            seen=member._seen,
            pool=pool,
            valid=valid if pool else 0,
            cooling=tuple((_ticks((back - NOW) * 1000), int(slots)) for back, slots in member.sent._cooling),
            failures=0 if member.is_cut_off else min(2, member._failures),
            is_alone=member.is_cut_off,
            cap=member._cap if member.is_cut_off else 0,
            grows=-1 if never else _ticks((member._heard_at + member._ttl + member.sent.hold - NOW) * 1000),
        )

    def _exchange(self, node: Node, index: int, report: Report) -> tuple[Node, Any]:
        state: Any = None
        if node.store is not None:
            last, settled, allow, version = node.store
            state = {
                "version": version,
                "last": NOW_MS - last * 1000,
                "settled": NOW_MS + settled * 1000,
                "allow": allow,
            }
            state |= {"paused": 0, "probe": 0, "spaced": 0, "due": 0, "run": 0}
            state["owners"] = {
                str(number): _owner(part.entry) for number, part in enumerate(node.parts) if part.entry is not None
            }
        state, reply = rules.exchange(state, report, TERMS, NOW_MS)
        parts = list(node.parts)
        for number, part in enumerate(parts):
            parts[number] = part._replace(entry=_entry(state["owners"].get(str(number))))
        settled = _ticks(state["settled"] - NOW_MS)
        store = (_ticks(NOW_MS - state["last"]), settled, state["allow"] if settled else 0, state["version"])
        return node._replace(parts=tuple(parts), store=store), reply

    # What may happen next.

    def steps(self, node: Node) -> Iterator[tuple[str, int, Node]]:
        """What happens, to which process (-1: none), and what follows."""
        runs = [number for number, part in enumerate(node.parts) if part.status == RUNS]
        if all(node.parts[number].acted for number in runs):
            yield "a beat passes", -1, _tick(node)
        for number in runs:
            if not node.parts[number].acted:
                yield from self._acts(node, number)
        yield from self._troubles(node)

    def _acts(self, node: Node, number: int) -> Iterator[tuple[str, int, Node]]:
        part = node.parts[number]
        for before in range(LIMIT + self.extra + 2):
            sent = self._send(part, before)
            if sent is None:
                break
            for name, met, after_exchange in self._asks(_with(node, number, sent), number):
                for after in range(LIMIT + self.extra + 2):
                    done = self._send(after_exchange.parts[number], after)
                    if done is None:
                        break
                    words = [f"sends {before}"] * (before > 0) + [name + met] + [f"sends {after}"] * (after > 0)
                    yield ", ".join(words), number, _with(after_exchange, number, done._replace(acted=True))

    def _send(self, part: Part, count: int) -> Part | None:
        if not count:
            return part
        member = self._to_member(part)
        for _ in range(count):
            if not member.acquire(NOW, NOW, 0):
                return None
            member.release(NOW, NOW, sent=True, answered=True, late=0.0)
        arrivals = tuple(sorted([*part.arrivals, *[(0, part.stood)] * count]))
        return self._from_member(part, member)._replace(arrivals=arrivals)

    def _asks(self, node: Node, number: int) -> Iterator[tuple[str, str, Node]]:
        part = node.parts[number]
        is_reached = node.is_up and part.reach
        for name in ("asks", "lost", "unheard", "late"):
            if (name != "lost" and not is_reached) or (name != "asks" and is_reached and not _has(node, name)):
                continue
            member = self._to_member(part)
            report = member.report(NOW, NOW, Demand(LIMIT, 0, 0.0))._replace(owner=str(number))
            after, told = node, ""
            if name in ("asks", "unheard"):
                after, reply = self._exchange(node, number, report)
                told = f" and is granted {reply.granted}"
                part_after = after.parts[number]._replace(told=True, stood=False, heard=node.old is not None)
            else:
                part_after = part
            if name == "asks":
                member.heed(report, reply, NOW, NOW)
                words = "asks"
            else:
                member.fail(report, NOW)
                words = {"lost": "gets no answer", "unheard": "does not hear the answer:", "late": "gives up asking"}[
                    name
                ]
            if name == "late":
                part_after = part_after._replace(air=(_N + 1, report.seen, report.held, report.cooling, _LATE))
            part_after = _renumber(self._from_member(part_after, member))
            after = _with(after, number, part_after)
            yield words, told, after if name == "asks" or not is_reached else _spend(after, name)

    def _troubles(self, node: Node) -> Iterator[tuple[str, int, Node]]:
        for number, part in enumerate(node.parts):
            for words, cost, after in self._changes(node, number, part):
                changed = _with(node, number, after)
                yield words, number, _spend(changed, cost) if cost else changed
            if part.air is not None:
                n, seen, held, cooling, _ = part.air
                report = Report(str(number), n, seen, held, cooling, interactive=LIMIT)
                after_late, _ = self._exchange(_with(node, number, part._replace(air=None)), number, report)
                yield "was heard late", number, after_late
        # A process that has never asked cannot tell an emptied store from a new one: it gets the fallback, by design.
        are_known = all(part.seen or part.status == DEAD for part in node.parts)
        if node.store is not None and are_known and _has(node, "flush"):
            empty = [_forgotten(part._replace(entry=None)) for part in node.parts]
            yield "the store is emptied", -1, _spend(node._replace(parts=tuple(empty), store=None), "flush")
        yield from self._snapshots(node)
        if node.is_up and _has(node, "outage"):
            yield "the store is away", -1, _spend(node._replace(is_up=False), "outage")
        elif not node.is_up:
            yield "the store is back", -1, node._replace(is_up=True)

    def _changes(self, node: Node, number: int, part: Part) -> Iterator[tuple[str, str, Part]]:
        """What may become of a process: words, what is spent of the faults, and the process."""
        if part.status == RUNS and not part.acted:
            if _has(node, "crash"):
                yield "dies", "crash", _blamed(part._replace(status=DEAD, pool=0, cooling=()))
            if _has(node, "stop"):
                yield "stands still", "stop", _blamed(part._replace(status=STANDS))
        elif part.status == STANDS:
            yield "goes on", "", part._replace(status=RUNS, acted=False)
        if part.reach and part.status == RUNS and _has(node, "partition"):
            yield "is cut off", "partition", part._replace(reach=False)
        elif not part.reach:
            yield "is no longer cut off", "", part._replace(reach=True)

    def _snapshots(self, node: Node) -> Iterator[tuple[str, int, Node]]:
        if node.old is None and node.store is not None and _has(node, "stale"):
            parts = [part._replace(old_entry=part.entry, heard=False) for part in node.parts]
            yield (
                "the store is copied",
                -1,
                _spend(node._replace(parts=tuple(parts), old=node.store, copy_age=0), "stale"),
            )
        # A copy older than a beat: whoever runs has been heard since.
        if node.old is not None and all(part.heard or part.status != RUNS for part in node.parts):
            parts = [
                _forgotten(part._replace(entry=part.old_entry, old_entry=None, heard=False)) for part in node.parts
            ]
            yield (
                "the store goes back to the copy",
                -1,
                node._replace(parts=tuple(parts), store=node.old, old=None, copy_age=0),
            )

    # Exploration.

    def is_over(self, node: Node) -> bool:
        return sum(not excused for part in node.parts for _, excused in part.arrivals) > LIMIT + self.extra

    def explore(self, most: int = 10**9) -> Outcome:
        """Look at all states that can be reached, or at ``most``, up to the first that is over the limit."""
        start, _ = _normal(self.start)
        origin: dict[int, tuple[int, str, int, tuple[int, ...]]] = {hash(start): (0, "", -1, ())}
        frontier, steps = [start], 0
        while frontier:
            found: list[Node] = []
            for node in frontier:
                for words, number, after in self.steps(node):
                    steps += 1
                    normal, order = _normal(after)
                    key = hash(normal)
                    if key in origin:
                        continue
                    origin[key] = (hash(node), words, number, order)
                    if self.is_over(normal):
                        return Outcome(len(origin), steps, False, _story(origin, key))
                    found.append(normal)
                if len(origin) > most:
                    return Outcome(len(origin), steps, False, None)
            frontier = found
        return Outcome(len(origin), steps, True, None)


def _owner(entry: tuple[Any, ...]) -> dict[str, Any]:
    n, expires, held, cooling = entry
    return {
        "n": n,
        "expires": NOW_MS + (expires - _ZERO) * 1000,
        "held": held,
        "cooling": [[NOW_MS + left * 1000 - _EARLY_MS, slots] for left, slots in cooling],
        "interactive": 0,
        "bulk": 0,
        "reserve_until": 0,
        "limit": LIMIT,
        "hold": TERMS.hold,
    }


def _entry(owner: dict[str, Any] | None) -> tuple[Any, ...] | None:
    if owner is None:
        return None
    slots: dict[int, int] = {}
    for free_at, count in owner["cooling"]:
        left = _ticks(free_at - NOW_MS)
        slots[left] = slots.get(left, 0) + count
    return owner["n"], _ZERO + _ticks(owner["expires"] - NOW_MS), owner["held"], tuple(sorted(slots.items()))


def _renumber(part: Part) -> Part:
    """The member's latest number is always ``_N``: all others are one further back."""
    entry, old, air = part.entry, part.old_entry, part.air
    if entry is not None:
        entry = (max(_N - _OLDEST, entry[0] - 1), *entry[1:])
    if old is not None:
        old = (max(_N - _OLDEST, old[0] - 1), *old[1:])
    if air is not None:
        air = (air[0] - 1, *air[1:])
    return part._replace(entry=entry, old_entry=old, air=air)


def _with(node: Node, number: int, part: Part) -> Node:
    return node._replace(parts=(*node.parts[:number], part, *node.parts[number + 1 :]))


def _has(node: Node, name: str) -> bool:
    return node.left[FAULTS.index(name)] > 0


def _spend(node: Node, name: str) -> Node:
    index = FAULTS.index(name)
    return node._replace(left=(*node.left[:index], node.left[index] - 1, *node.left[index + 1 :]))


def _blamed(part: Part) -> Part:
    """A process that ends or stands still before it could tell again what the store forgot."""
    if part.told:
        return part
    return part._replace(stood=True, arrivals=tuple(sorted((age, True) for age, _ in part.arrivals)))


def _forgotten(part: Part) -> Part:
    part = part._replace(told=False)
    return part if part.status == RUNS else _blamed(part)


def _tick(node: Node) -> Node:
    parts = []
    for part in node.parts:
        cooling = tuple((left - 1, slots) for left, slots in part.cooling if left > 1)
        valid = max(0, part.valid - 1)
        parts.append(
            part._replace(
                acted=False,
                valid=valid,
                pool=part.pool if valid else 0,
                cooling=cooling,
                grows=max(min(0, part.grows), part.grows - 1),
                air=None if part.air is None or part.air[-1] == 1 else (*part.air[:-1], part.air[-1] - 1),
                entry=_older(part.entry),
                old_entry=_older(part.old_entry),
                arrivals=tuple((age + 1, excused) for age, excused in part.arrivals if age + 1 < HOLD),
            )
        )
    node = node._replace(parts=tuple(parts), store=_later(node.store), old=_later(node.old))
    if node.old is None:
        return node
    if node.copy_age < _COPY:
        return node._replace(copy_age=node.copy_age + 1)
    kept = tuple(part._replace(old_entry=None, heard=False) for part in node.parts)
    return node._replace(parts=kept, old=None, copy_age=0)


def _older(entry: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if entry is None:
        return None
    n, expires, held, cooling = entry
    # The end of a dead lease counts for as long as its slots cool.
    return n, max(0, expires - 1), held, tuple((left - 1, slots) for left, slots in cooling if left > 1)


def _later(store: tuple[int, int, int, int] | None) -> tuple[int, int, int, int] | None:
    if store is None:
        return None
    last, settled, allow, version = store
    return min(_OLDEST, last + 1), max(0, settled - 1), allow if settled > 1 else 0, version


def _normal(node: Node) -> tuple[Node, tuple[int, ...]]:
    """The state without names and absolute numbers, and the order in which its processes now are."""
    versions = [store[3] for store in (node.store, node.old) if store is not None]
    lowest = min(versions, default=0)
    forgets = _has(node, "flush")
    seen = [part.seen for part in node.parts if part.seen]
    base = max(versions + seen, default=0)
    least = base - _OLDEST if forgets or node.store is None else max(lowest, base - _OLDEST)

    def shift(number: int) -> int:
        return _SEEN + max(number, least) - base

    def part_of(part: Part) -> Part:
        if part.status == DEAD:
            part = part._replace(seen=0, failures=0, is_alone=False, cap=0, grows=0, valid=0, acted=False, reach=True)
        air = part.air and (part.air[0], part.air[1] and shift(part.air[1]), *part.air[2:])
        return part._replace(seen=part.seen and shift(part.seen), air=air)

    def store_of(store: tuple[int, int, int, int] | None) -> tuple[int, int, int, int] | None:
        return store and (*store[:3], shift(store[3]))

    parts = [part_of(part) for part in node.parts]
    order = tuple(sorted(range(len(parts)), key=lambda number: repr(parts[number])))
    ordered = tuple(parts[number] for number in order)
    return Node(ordered, store_of(node.store), store_of(node.old), node.copy_age, node.is_up, node.left), order


def _story(origin: dict[int, tuple[int, str, int, tuple[int, ...]]], key: int) -> list[str]:
    path = []
    while origin[key][1]:
        path.append(origin[key])
        key = origin[key][0]
    names, lines = list("ABC"), []
    for _, words, number, order in reversed(path):
        lines.append(f"{names[number]} {words}" if number >= 0 else words)
        names = [names[index] for index in order]
    return lines


class Scenario(NamedTuple):
    """What is explored: processes, what may go wrong and how often, and slots above the limit that are allowed."""

    processes: int
    faults: dict[str, int]
    extra: int = 0

    @property
    def name(self) -> str:
        what = " and ".join(f"{count} x {fault}" for fault, count in self.faults.items()) or "nothing goes wrong"
        return f"{self.processes} processes, {what}"


# A process that is cut off alone may send one slot, its fallback, above the limit.
SCENARIOS = (
    Scenario(3, {}),
    Scenario(3, {"crash": 1}),
    Scenario(3, {"stop": 1}),
    Scenario(3, {"lost": 1}),
    Scenario(3, {"unheard": 1}),
    Scenario(3, {"late": 1}),
    Scenario(3, {"flush": 1}),
    Scenario(2, {"flush": 1, "lost": 1, "crash": 1, "stop": 1}),
    Scenario(2, {"partition": 1}, 1),
    Scenario(2, {"stale": 1}),
    Scenario(2, {"outage": 1}),
    Scenario(3, {"crash": 1, "stop": 1}),
    Scenario(3, {"partition": 1}, 1),
    Scenario(3, {"outage": 1}),
    Scenario(3, {"stale": 1}),
)

# A rule that is taken out, and where its absence is found.
MISSING = {
    "nothing cools": Scenario(2, {}),
    "slots are free at the response": Scenario(2, {}),
    "leases do not end": Scenario(2, {"stop": 1}),
    "no settling": Scenario(2, {"flush": 1}),
    "versions are not compared": Scenario(2, {"flush": 1}),
    "late exchanges count": Scenario(2, {"late": 1}),
    "growth is not careful": Scenario(2, {"outage": 1}),
    "those that went on alone are forgotten": Scenario(2, {"outage": 1}),
    "silence means nothing": Scenario(2, {"outage": 1}),
    "cut off before the lease ends": Scenario(2, {"outage": 1}),
}
