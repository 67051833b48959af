"""What the emulator saw: a bounded log of requests, and the busiest window in it."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LOG_SIZE", "RequestLog", "SeenRequest", "busiest_window"]

LOG_SIZE = 200_000
"""How many requests are remembered; older ones are forgotten. At 300 a minute that is eleven hours."""


@frozen
class SeenRequest:
    """One request as the server saw it.

    ``time``: when it was received, ``time.monotonic()`` in seconds. ``path``: without the query, which is
    where old clients put the key. ``route``: its template without the base path, such as ``/sections/{section_id}``,
    or None for an unknown route. ``key_id``: which key it came with, "key-1" for ``api_key`` and "key-2" and on for
    ``api_keys``, never the key itself; None without a valid one. ``status``: the status decided on, or None when no
    answer was made. ``fault``: the kind of fault that was played on it, if any.
    """

    time: float
    method: str
    path: str
    route: str | None
    key_id: str | None
    status: int | None
    fault: str | None = None


def busiest_window(times: Iterable[float], per: float) -> int:
    """Return how many of ``times`` lie, at the most, in one window of ``per`` seconds; two ``per`` apart do not."""
    window: deque[float] = deque()
    most = 0
    # The log is in the order of answers, and a small request overtakes one with a slow body.
    for time in sorted(times):
        window.append(time)
        while window[0] + per <= time:
            window.popleft()
        most = max(most, len(window))
    return most


@frozen
class RequestLog:
    """The last ``LOG_SIZE`` requests, in the order in which their answers were decided.

    ``statuses`` and ``faults`` count all requests, those forgotten too; None counts those without an answer.
    """

    statuses: Counter[int | None] = field(init=False, factory=Counter)
    faults: Counter[str] = field(init=False, factory=Counter)
    _seen: deque[SeenRequest] = field(init=False, factory=lambda: deque(maxlen=LOG_SIZE))

    def add(self, request: SeenRequest) -> None:
        """Remember a request, and forget the oldest one if the log is full."""
        self._seen.append(request)
        self.statuses[request.status] += 1
        if request.fault is not None:
            self.faults[request.fault] += 1

    def __iter__(self) -> Iterator[SeenRequest]:
        return iter(self._seen)

    def __reversed__(self) -> Iterator[SeenRequest]:
        return reversed(self._seen)
