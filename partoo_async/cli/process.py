"""One command as a process: signals, closed pipes, one line for an error, an exit code."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from partoo_async.cli.errors import INTERRUPTED, TERMINATED, describe, exit_code
from partoo_async.cli.output import say
from partoo_async.errors import PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Work = Callable[[], Coroutine[Any, Any, int]]

__all__ = ["execute"]


class _Signals:
    """Cancels the task that it is made in when Ctrl-C or SIGTERM comes; ``caught`` is which. The second one kills."""

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None

    def listen(self) -> None:
        """Begin, in the task that is to be cancelled."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            # A job that a shell started in the background ignores Ctrl-C, and goes on to.
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            # Not on Windows, and only in the main thread.
            with suppress(NotImplementedError, ValueError, RuntimeError):
                self._loop.add_signal_handler(number, self._stop, number)

    def _stop(self, number: signal.Signals) -> None:
        self.caught = number
        self._loop.remove_signal_handler(number)
        if self._task is not None:
            self._task.cancel()


def execute(work: Work) -> int:
    """Run one command's coroutine to its end and return the exit code; whatever ends it, it cleans up first."""
    signals = _Signals()

    async def guarded() -> int:
        signals.listen()
        return await work()

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except asyncio.CancelledError:
        if signals.caught is None:
            raise
        say("interrupted" if signals.caught is signal.SIGINT else "terminated")
        return INTERRUPTED if signals.caught is signal.SIGINT else TERMINATED
    except PartooError as error:
        say(f"error: {describe(error)}")
        return exit_code(error)
