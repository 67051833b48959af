"""Running a coroutine step by step, to do something to it at each point where it waits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

from attrs import define


@define
class Stepping:
    """A coroutine, awaited as ever; ``at_wait`` is called with 1, 2, 3, ... each time before it waits."""

    coroutine: Coroutine[Any, Any, Any]
    at_wait: Callable[[int], None]
    waits: int = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        send: Callable[[Any], Any] = self.coroutine.send
        given: Any = None
        while True:
            try:
                waited_for = send(given)
            except StopIteration as end:
                return end.value
            self.waits += 1
            self.at_wait(self.waits)
            try:
                given = yield waited_for
                send = self.coroutine.send
            except BaseException as error:
                given, send = error, self.coroutine.throw

    async def run(self) -> Any:
        return await self
