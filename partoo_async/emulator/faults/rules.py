"""The faults that are active in one emulator: which request is hit by which, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import define, field

from partoo_async._internal.checks import check_count, check_fraction
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.faults.chaos import MIX
from partoo_async.emulator.faults.kinds import Kind
from partoo_async.emulator.faults.matching import Match, Predicate, check_match
from partoo_async.emulator.faults.registry import kind_of

if TYPE_CHECKING:
    from aiohttp import web

    from partoo_async.emulator.faults.exchange import Exchange

__all__ = ["Fault", "Faults"]


@define(eq=False, repr=False)
class Fault:
    """One active fault, as ``emulator.faults.add`` returns it.

    ``match``, ``times``, ``probability``, ``processed`` and ``options`` are what it was added with; ``hits`` counts the
    requests that it has hit.
    """

    _kind: Kind
    match: Match
    times: int | None
    probability: float
    processed: bool
    options: dict[str, Any]
    _matches: Predicate
    _random: Random
    _forget: Callable[[Fault], None]
    hits: int = field(init=False, default=0)

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self._kind.name

    @property
    def exhausted(self) -> bool:
        """Whether it has hit as many requests as it should."""
        return self.times is not None and self.hits >= self.times

    def remove(self) -> None:
        """End it; answers that it has spoiled already stay spoiled. Safe to repeat."""
        self._forget(self)

    def take(self, method: str, path: str, *, reused: bool) -> bool:
        """Return whether it hits this request, which then counts as hit."""
        if self.exhausted or (self._kind.on_reused and not reused) or not self._matches(method, path):
            return False
        # One draw for each request that matches: which of them are hit depends on the seed and their number alone,
        # and not on what other faults do.
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def play(self, exchange: Exchange) -> web.StreamResponse | None:
        """Return the answer that the client gets, or None: there is nothing to spoil here, and it was no hit."""
        played = None
        if exchange.succeeded or not self._kind.on_success:
            played = self._kind.play(exchange, **self.options)
        if played is None:
            self.miss()
        return played

    def miss(self) -> None:
        """Take back the hit that was counted last: it came to nothing."""
        self.hits -= 1

    def __repr__(self) -> str:
        match = "" if self.match is None else f", match {self.match!r}"
        of = "" if self.times is None else f" of {self.times}"
        return f"<Fault {self.kind!r}{match}, {self.hits}{of} hits>"


@total_repr
class Faults:
    """The faults of one emulator, ``emulator.faults``; iterating gives the active ones, in the order of adding.

    A request is hit by the first of them that matches it, is not used up, wins its draw, and has something to spoil.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._added = 0
        self._faults: list[Fault] = []

    def add(
        self,
        kind: str,
        *,
        match: Match = None,
        times: int | None = None,
        probability: float = 1.0,
        processed: bool | None = None,
        **options: Any,
    ) -> Fault:
        """Add a fault and return its handle.

        - ``kind``: a name out of ``KINDS``; ``options`` are those of the kind, such as ``seconds`` of a stall.
        - ``match``: which requests. A method ("GET"), a path ("/sections/7/groups/42"), both, or a template in which
          ``{name}`` stands for any segment ("GET /sections/{section_id}/groups/{group_id}"); or a function of method
          and path, the latter without the base path and the query; None for every request.
        - ``times``: how many requests are hit, None for every one.
        - ``probability``: of being hit, 0 to 1. The draws depend on the emulator's ``seed``, on how many faults were
          added before, and on nothing else: the n-th request that matches is hit in every run or in none.
        - ``processed``: whether the server acts on the request before the fault; None for what is usual for the kind.

        Raises ``ConfigurationError`` for an unknown kind or option, and for a bad value.
        """
        found = kind_of(kind)
        matches = check_match(match)
        if times is not None:
            check_count("times", times, least=1)
        probability = check_fraction("probability", probability)
        processed = found.settle_processed(processed)
        settled = found.settle(options)
        random = Random(f"{self._seed}/{self._added}")
        fault = Fault(found, match, times, probability, processed, settled, matches, random, self._forget)
        self._added += 1
        self._faults.append(fault)
        return fault

    def chaos(self, probability: float, *, match: Match = "GET") -> tuple[Fault, ...]:
        """Add a mix of faults that a client gets over by trying again, and return their handles.

        ``probability``: the share of the requests that is hit, by one or another of them; 0 adds none. Writes are
        spared unless ``match`` says otherwise: after most of these faults a client cannot know whether one was done.
        Raises ``ConfigurationError`` for a bad ``probability`` or ``match``.
        """
        share = check_fraction("probability", probability) / len(MIX)
        if not share:
            check_match(match)
            return ()
        return tuple(
            # A later one is asked only if the earlier ones did not hit: its draw must be likelier to come out even.
            self.add(kind, match=match, probability=min(share / (1 - share * earlier), 1.0), **options)
            for earlier, (kind, options) in enumerate(MIX)
        )

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def hitting(self, method: str, path: str, *, reused: bool) -> Iterator[Fault]:
        """Yield the fault that hits a request and, for as long as there is nothing to spoil, the next that does.

        ``reused``: the connection of the request has served one before.
        """
        for fault in self:
            if fault.take(method, path, reused=reused):
                yield fault

    def _forget(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault in self._faults if not fault.exhausted])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Faults: {', '.join(fault.kind for fault in self) or 'none'}>"
