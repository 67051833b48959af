"""Results of reads, kept for a while, if the client asks for that."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

__all__ = ["Kept", "Name", "ReadCache"]

Name = tuple[str, str]
"""The path of a read, and the fingerprint of its key."""

_MOST = 1000  # results; the oldest go first


class Kept(NamedTuple):
    """One result, and the event-loop time from which it is too old."""

    expires: float
    value: Any


class ReadCache:
    """At most 1,000 results, each for ``ttl`` seconds. They are frozen, so that callers can share them."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._kept: OrderedDict[Name, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: Name, now: float) -> Kept | None:
        """Return the result of a read that is not too old yet."""
        kept = self._kept.get(name)
        return kept if kept is not None and kept.expires > now else None

    def put(self, name: Name, value: Any, now: float) -> None:
        """Keep a result."""
        self._kept[name] = Kept(now + self._ttl, value)
        self._kept.move_to_end(name)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def names(self) -> list[Name]:
        """Return the reads whose results are here."""
        return [*self._kept]

    def drop(self, name: Name) -> None:
        """Forget a result, if it is here."""
        self._kept.pop(name, None)
