"""The clock of a running event loop, put forward: time in which nothing could be done, without waiting for it."""

from __future__ import annotations

import asyncio

import pytest


class Clock:
    """Runs as ever, and jumps by ``forward``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real, self._ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    def forward(self, seconds: float) -> None:
        """Let so many seconds pass before the event loop does anything else."""
        self._ahead += seconds
