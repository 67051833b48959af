"""One command as a process: signals, one line for an error, an exit code."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from partoo_async._internal.describe import describe
from partoo_async.cli.exit_codes import INTERRUPTED, TERMINATED, exit_code
from partoo_async.cli.output import say
from partoo_async.errors import PartooError

__all__ = ["execute"]

# What the package calls an argument, and the command line an option.
_OPTIONS = {
    "path": "--output",
    "org_id": "--org-id",
    "max_failures": "--max-failures",
    "timeout": "--timeout",
    "server": "--server",
    "dask": "--dask",
    "quota": "--quota",
    "journal": "--journal",
    "journals": "--journals",
    "state": "--state",
    "to": "--to",
    "report": "--report",
    "organization": "--organization",
    "dataset": "--dataset",
    "history": "--history",
    "every": "--every",
    "exec": "--exec",
    "before": "BEFORE",
    "after": "AFTER",
    "business_id": "ID",
    "code": "--code",
    "query": "--search",
    "groups": "--group",
    "status": "--status",
}


class _Signals:
    """Cancels a task at Ctrl-C or SIGTERM; ``caught`` is which. The second one kills the process."""

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None

    def listen(self) -> None:
        """Begin, in the task that is to be cancelled."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell starts its background jobs with Ctrl-C ignored: it stays ignored.
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            # Not on Windows, and only in the main thread.
            with suppress(NotImplementedError, ValueError, RuntimeError):
                self._loop.add_signal_handler(number, self._stop, number)

    def _stop(self, number: signal.Signals) -> None:
        self.caught = number
        # From now on the signal has its default effect, should the clean-up hang.
        self._loop.remove_signal_handler(number)
        if self._task is not None:
            self._task.cancel()


def execute(work: Callable[[], Coroutine[Any, Any, int]], **arguments: str) -> int:
    """Run one command's coroutine to its end and return the exit code. ``arguments``: what it calls some of them."""
    signals = _Signals()

    async def guarded() -> int:
        signals.listen()
        return await work()

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:  # where no handler could be set
        say("interrupted")
        return INTERRUPTED
    except asyncio.CancelledError:
        if signals.caught is None:
            raise
        say("interrupted" if signals.caught is signal.SIGINT else "terminated")
        return INTERRUPTED if signals.caught is signal.SIGINT else TERMINATED
    except PartooError as error:
        name, colon, problem = describe(error).partition(": ")
        say(f"error: {(_OPTIONS | arguments).get(name, name)}{colon}{problem.replace(', or format=', '')}")
        return exit_code(error)
