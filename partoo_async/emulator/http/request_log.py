"""The requests that the emulator has received: a bounded log, and the busiest window in it."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LOG_SIZE", "RequestLog", "SeenRequest", "busiest_window"]

# How many requests are kept. At 300 a minute that is eleven hours.
LOG_SIZE = 200_000


@frozen
class SeenRequest:
    """One request as the server saw it.

    Attributes:
        time: When it was received, ``time.monotonic()`` in seconds.
        method: Such as "GET".
        path: The path without the query.
        route: The template of the path without the base path, such as ``/sections/{section_id}``. None if unknown.
        key_id: "key-1" for ``api_key``, "key-2" and on for ``api_keys``; never the key. None without a valid one.
        status: The status of the response. None if there was none.
        fault: The kind of fault played on it, or None.
    """

    time: float
    method: str
    path: str  # old clients put the key into the query
    route: str | None
    key_id: str | None
    status: int | None
    fault: str | None = None


def busiest_window(times: Iterable[float], per: float) -> int:
    """Return the most ``times`` in any window of ``per`` seconds; two exactly ``per`` apart are not in one."""
    window: deque[float] = deque()
    most = 0
    # The log is in the order of responses, and a small request overtakes one with a slow body.
    for time in sorted(times):
        window.append(time)
        while window[0] + per <= time:
            window.popleft()
        most = max(most, len(window))
    return most


# What is kept of a plain read: its time, its path, its route and the id of its key.
_Read: TypeAlias = tuple[float, str, str, str]


@define(eq=False)
class RequestLog:
    """The last ``LOG_SIZE`` requests, in the order of their responses."""

    # These count all requests, those forgotten too.
    faults: Counter[str] = field(init=False, factory=Counter)
    _statuses: Counter[int | None] = field(init=False, factory=Counter)
    _reads: int = field(init=False, default=0)
    _seen: deque[SeenRequest | _Read] = field(init=False, factory=lambda: deque(maxlen=LOG_SIZE))

    def add(self, request: SeenRequest) -> None:
        """Add a request."""
        self._seen.append(request)
        self._statuses[request.status] += 1
        if request.fault is not None:
            self.faults[request.fault] += 1

    def add_read(self, read: _Read) -> None:
        """Add a GET that got a 200: its time, its path, its route and the id of its key."""
        # An object for each of them would cost as much as to encode the group, and a Counter half as much.
        self._seen.append(read)
        self._reads += 1

    @property
    def statuses(self) -> Counter[int | None]:
        """How many requests got each status; None stands for no response."""
        return self._statuses + Counter({200: self._reads})

    def times(self) -> Iterator[float]:
        """Return when each of them was received."""
        return (seen[0] if isinstance(seen, tuple) else seen.time for seen in tuple(self._seen))

    def __iter__(self) -> Iterator[SeenRequest]:
        # A copy, because making the objects gives another thread time to add some.
        return map(_request, tuple(self._seen))

    def __reversed__(self) -> Iterator[SeenRequest]:
        return map(_request, reversed(self._seen))


def _request(seen: SeenRequest | _Read) -> SeenRequest:
    if isinstance(seen, SeenRequest):
        return seen
    received, path, route, key_id = seen
    return SeenRequest(received, "GET", path, route, key_id, 200)
