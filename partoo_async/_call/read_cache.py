"""Results of reads, kept for ``cache_ttl`` seconds."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

__all__ = ["ReadCache", "ReadId"]

ReadId = tuple[str, str]  # the path of a read, and the fingerprint of its key

_MAX_RESULTS = 1000


class ReadCache:
    """At most 1,000 results. They are frozen, so callers can share them."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._kept: OrderedDict[ReadId, tuple[float, Any]] = OrderedDict()  # each with its last event-loop time

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, read: ReadId, now: float) -> Any:
        """Return a result that has not expired, else None."""
        # None is no result of a read.
        expires, value = self._kept.get(read, (now, None))
        return value if expires > now else None

    def put(self, read: ReadId, value: Any, now: float) -> None:
        """Keep a result."""
        self._kept[read] = now + self._ttl, value
        self._kept.move_to_end(read)
        if len(self._kept) > _MAX_RESULTS:
            self._kept.popitem(last=False)

    def reads(self) -> list[ReadId]:
        """Return what is kept, without the results."""
        return [*self._kept]

    def drop(self, read: ReadId) -> None:
        """Drop a result if it is kept."""
        self._kept.pop(read, None)
