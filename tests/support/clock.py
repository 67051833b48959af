"""The clock of a running event loop, put forward: time in which nothing could be done, without waiting for it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from partoo_async._call.retrying import import_for_errors
from partoo_async.quota.registry import forget


class Clock:
    """Runs as ever, and jumps by ``forward``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real, self._ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    def forward(self, seconds: float) -> None:
        """Let so many seconds pass before the event loop does anything else."""
        self._ahead += seconds


GRACE = 0.05
"""Seconds of real silence after which nothing is on its way. On a busy machine a kernel needs 20 ms to hand over."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip, from now on, the time that the running event loop would sit out on real sockets until the next timer.

    ``time.monotonic`` moves with it, as the clock of the loop and of servers in this process. Not for tests that wait
    for threads or processes with a timer running: nobody can see what those are about to say.
    """
    import_for_errors()  # a client would do it in a thread, while the deadline of its first call runs
    loop: Any = asyncio.get_running_loop()
    real, select, skipped = time.monotonic, loop._selector.select, 0.0

    def hurried(timeout: float | None = None) -> Any:
        nonlocal skipped
        if timeout is None or timeout <= GRACE:
            return select(timeout)
        ready = select(GRACE)
        if not ready:
            skipped += timeout - GRACE
        return ready

    monkeypatch.setattr(time, "monotonic", lambda: real() + skipped)
    forget()  # or the quotas would go by the clock as it was
    monkeypatch.setattr(loop._selector, "select", hurried)
