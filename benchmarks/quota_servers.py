"""Servers that count requests in the ways that a Partoo may, and the least time that each allows."""

from __future__ import annotations

import asyncio
import math
import random
from typing import TYPE_CHECKING

from attrs import define, field

from partoo_async import RateLimit, Server
from partoo_async.emulator.rate_limiters import LIMITERS, Clock, RateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "RawServer", "WeightedCounter", "optimum"]


@define
class WeightedCounter:
    """A counter for each minute of the clock; the one before counts by the part of it that the last minute covers.

    The usual approximation of a sliding window with two numbers. It takes a burst for evenly spread requests.
    """

    limit: RateLimit
    clock: Clock
    _minute: float = field(init=False, default=-math.inf)
    _before: int = field(init=False, default=0)
    _count: int = field(init=False, default=0)

    def admit(self) -> float:
        now, per = self.clock(), self.limit.per
        minute = math.floor(now / per)
        if minute > self._minute:
            self._before = self._count if minute == self._minute + 1 else 0
            self._minute, self._count = minute, 0
        passed = now / per - minute
        if self._before * (1 - passed) + self._count + 1 <= self.limit.requests:
            self._count += 1
            return 0.0
        left = self.limit.requests - self._count - 1
        return per * ((1 - left / self._before if left >= 0 and self._before else 1.0) - passed)


KINDS: dict[str, tuple[str, Callable[[RateLimit, Clock], RateLimiter]]] = {
    "fixed": ("fixed window", LIMITERS["fixed"]),
    "sliding": ("sliding window", LIMITERS["sliding"]),
    "sliding_counts_rejects": ("sliding, counts rejects", LIMITERS["sliding_counts_rejects"]),
    "token_bucket": ("token bucket", LIMITERS["token_bucket"]),
    "weighted": ("weighted two-window counter", WeightedCounter),
}


def optimum(kind: str, requests: int, limit: RateLimit, other: float = 0.0) -> float:
    """The least seconds that the server allows, with answers in no time.

    ``other``: requests a second that somebody else makes; what is left in each window is ours.
    """
    left = limit.requests - round(other * limit.per)
    if kind == "token_bucket":
        return max(0.0, (requests - limit.requests) * limit.per / left)
    return (math.ceil(requests / left) - 1) * limit.per


class RawServer:
    """Plain asyncio, not the emulator: reads and counts requests, and hangs up on a part of them without an answer."""

    def __init__(self, window: RateLimiter, drops: float, seed: int = 1) -> None:
        self.window = window
        self.drops = drops
        self.random = random.Random(seed)
        self.received: list[float] = []
        self.refused = self.dropped = 0

    async def __aenter__(self) -> Server:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return Server("raw", f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v2")

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.received.append(loop.time())
                wait = self.window.admit()
                if self.random.random() < self.drops:
                    self.dropped += 1
                    return
                group = request.split(b" ", 2)[1].rpartition(b"/")[2]
                body = b'{"id": %b, "name": "G", "has_puller": false, "business_ids": []}' % group
                top = b"200 OK"
                if wait:
                    self.refused += 1
                    top, body = b"429 Too Many Requests\r\nRetry-After: %.2f" % (wait + 0.01), b"{}"
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (top, len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
