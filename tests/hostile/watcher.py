"""What a client does besides giving results: where it connects, what it holds, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path
from typing import Any, Self

from attrs import define, field

from tests.support.common import PATIENCE

MEBIBYTE = 2**20
_FDS = Path("/proc/self/fd")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def most_resident(*, anew: bool = False) -> int:
    """Return the most bytes of memory that this process held since it was last asked ``anew``, 0 if nobody knows."""
    try:
        if anew:
            _CLEAR.write_text("5")  # Linux: forget the peak
        return int(_STATUS.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        return 0


def open_sockets() -> int:
    """Return how many sockets this process has open, 0 where the system does not say."""
    count = 0
    for entry in _FDS.iterdir() if _FDS.exists() else ():
        try:
            count += os.readlink(entry).startswith("socket:")
        except OSError:
            continue  # the directory's own, closed by now
    return count


@define
class Watcher:
    """Watches a block of code.

    ``connected``: every address that was connected to; ``established``: how often that came about; ``complaints``: what
    asyncio reported of lost exceptions.
    """

    connected: list[Any] = field(factory=list)
    established: int = 0
    complaints: list[str] = field(factory=list)
    _before: tuple[set[Any], int, int] = (set(), 0, 0)

    async def __aenter__(self) -> Self:
        gc.collect()
        loop = asyncio.get_running_loop()
        self._before = (asyncio.all_tasks(), open_sockets(), most_resident(anew=True))
        loop.set_exception_handler(lambda _, context: self.complaints.append(str(context)))
        connect = loop.sock_connect

        async def noted(sock: Any, address: Any) -> None:
            self.connected.append(address)
            await connect(sock, address)
            self.established += 1

        loop.sock_connect = noted  # type: ignore[method-assign]
        return self

    @property
    def growth(self) -> int:
        """The bytes by which memory grew at most."""
        return most_resident() - self._before[2]

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        del loop.sock_connect  # type: ignore[method-assign]  # back to that of the class

    async def assert_nothing_left(self) -> None:
        """Every task has ended, every socket is closed, and nothing was complained of."""
        tasks, sockets, _ = self._before
        async with asyncio.timeout(PATIENCE):
            while left := (asyncio.all_tasks() - tasks):
                await asyncio.wait(left)
            while open_sockets() > sockets:
                await asyncio.sleep(0.001)  # the event loop closes them a turn or two later
        # Warnings of what was never closed or awaited come with the collection, and fail the test.
        gc.collect()
        assert self.complaints == []
