"""A simulated Partoo that answers nobody at times, in each of the ways in which a server can do that."""

from __future__ import annotations

import asyncio
from typing import Any

from partoo_async import APIConnectionError, APITimeoutError
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from tests.support.simulated import Key, Partoo
from tests.support.virtual import VirtualLoop

KINDS = ("refused", "reset", "503", "silent")


class Stormy(Partoo):
    """``storms``: from when until when, in seconds since the loop began. ``sick``: keys that answer 500 at all times.

    ``lost`` counts the requests that reached the server, or its gateway, in a storm.
    """

    def __init__(self, sections: dict[int, list[int]], kind: str, *storms: tuple[float, float], **options: Any) -> None:
        super().__init__(sections, **options)
        self.kind = kind
        self.storms = storms
        self.sick: set[Key] = set()
        self.headers: dict[str, str] = {}
        self.lost = 0

    @property
    def now(self) -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.clock - 1000.0

    @property
    def storm(self) -> bool:
        return any(begin <= self.now < end for begin, end in self.storms)

    async def send(self, exchange: Exchange) -> Response:
        request, until = exchange.request, exchange.until
        if self.storm and self.kind == "refused":
            exchange.sent = False
            raise APIConnectionError(f"{request.route}: cannot connect: Connection refused", False)
        answer = None if self.storm else await super().send(exchange)
        if answer is not None and not (self.storm and self.kind in ("refused", "reset")):
            return answer
        if answer is None:
            parts = request.path.split("/")
            asked = int(parts[2]), int(parts[4]) if len(parts) > 4 else None
            self.arrived.append((asyncio.get_running_loop().time(), asked))
        else:
            self.delivered.pop()
        self.lost += 1
        if self.kind == "503":
            return Response(503, self.headers, b"")
        if self.kind == "silent":
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            raise APITimeoutError(f"{request.route}: no complete response in time", True)
        raise APIConnectionError(f"{request.route}: ClientOSError: Connection reset by peer", True)

    def answer(self, key: Key) -> Response:
        return Response(500, {}, b"") if key in self.sick else super().answer(key)
