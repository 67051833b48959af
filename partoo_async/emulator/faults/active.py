"""The faults that are active in one emulator."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from partoo_async._internal.checks import check_count, check_fraction
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.faults.kinds import Kind, resolve_options, resolve_processed
from partoo_async.emulator.faults.registry import CHAOS_MIX, kind_of
from partoo_async.emulator.http.http_io import BASE_PATH
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp import web

    from partoo_async.emulator.faults.exchange import Exchange

__all__ = ["Fault", "Faults", "Match", "Predicate", "check_match"]

# Called with the method and the path, without base path and query.
Predicate: TypeAlias = Callable[[str, str], bool]
Match: TypeAlias = str | Predicate | None

_WANTED = (
    "expected a method, a path such as '/sections/7', a template such as"
    " 'GET /sections/{section_id}/groups/{group_id}', or a function of method and path"
)


def _path_pattern(path: str) -> re.Pattern[str]:
    path = path.removeprefix(BASE_PATH) if path.startswith(f"{BASE_PATH}/") else path
    # {section_id} matches any one segment, whatever its name. Everything else matches itself.
    parts = re.split(r"(\{\w+\})", path)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def check_match(value: object) -> Predicate:
    """Return the predicate for ``Faults.add(match=...)``."""
    if value is None:
        return lambda _method, _path: True
    if callable(value):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(f"match: {_WANTED}, not {type(value).__name__}")
    # The method in capitals, as in HTTP: a word in small letters is a path that lacks its slash. The path without a
    # query, which is not compared, and with whole braces.
    words = re.fullmatch(r"(?P<method>[A-Z]+)?(?:(?:^|\s+)(?P<path>/(?:[^\s?#{}]|\{\w+\})*))?", value.strip())
    if words is None or not words[0]:
        raise ConfigurationError(f"match: {_WANTED}, not {value!r}")
    wanted, path = words["method"], words["path"]
    pattern = None if path is None else _path_pattern(path)

    def matches(method: str, path: str) -> bool:
        return wanted in (method, None) and (pattern is None or pattern.fullmatch(path) is not None)

    return matches


@define(eq=False, repr=False)
class Fault:
    """One active fault, as ``emulator.faults.add`` returns it.

    It keeps the arguments it was added with. ``hits`` counts the requests it has hit.
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
        """Whether it has hit ``times`` requests."""
        return self.times is not None and self.hits >= self.times

    def remove(self) -> None:
        """End it. Responses that it has changed already stay changed. Safe to repeat."""
        self._forget(self)

    def take(self, method: str, path: str, *, reused: bool) -> bool:
        """Return whether it hits this request, and count the hit."""
        if self.exhausted or (self._kind.on_reused and not reused) or not self._matches(method, path):
            return False
        # One draw for each matching request: which ones are hit does not depend on what other faults do.
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def play(self, exchange: Exchange) -> web.StreamResponse | None:
        """Return the changed response; None, and no hit, if there is nothing to change."""
        played = None
        if exchange.succeeded or not self._kind.on_success:
            played = self._kind.play(exchange, **self.options)
        if played is None:
            self.miss()
        return played

    def miss(self) -> None:
        """Take back the last hit, which changed nothing."""
        self.hits -= 1

    def __repr__(self) -> str:
        match = "" if self.match is None else f", match {self.match!r}"
        of = "" if self.times is None else f" of {self.times}"
        return f"<Fault {self.kind!r}{match}, {self.hits}{of} hits>"


@total_repr
class Faults:
    """The faults of one emulator, as ``emulator.faults``. Iterate over it for the active ones, oldest first.

    A request is hit by the first that matches, is not exhausted, wins its draw and finds something to change.
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
        """Add a fault.

        Args:
            kind: A name in ``KINDS``, such as "reset".
            match: Which requests: a method ("GET"), a path ("/sections/7"), both, or with a template ("GET
                /sections/{section_id}"); or a function of method and path. None: every request.
            times: How many requests it hits. None: no limit.
            probability: Of hitting a matching request, 0 to 1. The same ``seed`` hits the same requests.
            processed: Whether the server acts on the request before the fault. None: what is usual for the kind.
            options: Those of the kind, such as ``seconds`` of "stall".

        Returns:
            The fault, to count its hits and to remove it.

        Raises:
            ConfigurationError: For an unknown kind or option, or a bad value.
        """
        found = kind_of(kind)
        matches = check_match(match)
        if times is not None:
            check_count("times", times, least=1)
        probability = check_fraction("probability", probability)
        processed = resolve_processed(found, processed)
        resolved = resolve_options(found, options)
        random = Random(f"{self._seed}/{self._added}")
        fault = Fault(found, match, times, probability, processed, resolved, matches, random, self._forget)
        self._added += 1
        self._faults.append(fault)
        return fault

    def chaos(self, probability: float, *, match: Match = "GET") -> tuple[Fault, ...]:
        """Add a mix of faults that a client recovers from by retrying.

        Args:
            probability: The share of the requests that is hit by one of them, 0 to 1. 0 adds none.
            match: As in ``add``. By default no writes: after most of these faults a client cannot know whether one
                was done.

        Returns:
            The faults.

        Raises:
            ConfigurationError: For a bad argument.
        """
        share = check_fraction("probability", probability) / len(CHAOS_MIX)
        if not share:
            check_match(match)
            return ()
        return tuple(
            # A later one draws only if the earlier ones did not hit, so its probability must be higher.
            self.add(kind, match=match, probability=min(share / (1 - share * earlier), 1.0), **options)
            for earlier, (kind, options) in enumerate(CHAOS_MIX)
        )

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def hitting(self, method: str, path: str, *, reused: bool) -> Iterator[Fault]:
        """Yield the faults that hit a request, one by one; ``reused``: its connection has served one before."""
        for fault in self:
            if fault.take(method, path, reused=reused):
                yield fault

    def _forget(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault in self._faults if not fault.exhausted])

    def __len__(self) -> int:
        return sum(not fault.exhausted for fault in self._faults) if self._faults else 0

    def __repr__(self) -> str:
        return f"<Faults: {', '.join(fault.kind for fault in self) or 'none'}>"
