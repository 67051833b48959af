"""One command as a process: signals, one line for an error, an exit code."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from partoo_async._internal.describe import describe
from partoo_async._internal.values import error_object
from partoo_async.cli.exit_codes import INTERRUPTED, TERMINATED, exit_code
from partoo_async.cli.interrupts import Terminated
from partoo_async.cli.streams import say, say_line
from partoo_async.cli.text import clean, json_line
from partoo_async.cli.volume import VOLUME
from partoo_async.cli.wording import OPTIONS, in_options, named
from partoo_async.errors import APIStatusError, PartooError

__all__ = ["execute", "tell", "tell_json"]


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
    _heed_interrupts()

    async def guarded() -> int:
        signals.listen()
        return await work()

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt as stop:  # while something blocked the loop, or where no handler could be set
        return _stopped(terminated=isinstance(stop, Terminated))
    except asyncio.CancelledError:
        if signals.caught is None:
            raise
        return _stopped(terminated=signals.caught is not signal.SIGINT)
    except PartooError as error:
        tell(error, {**OPTIONS, **arguments})
        return exit_code(error)


def _stopped(*, terminated: bool) -> int:
    say("terminated" if terminated else "interrupted")
    return TERMINATED if terminated else INTERRUPTED


def _heed_interrupts() -> None:
    """Let Ctrl-C raise an exception again: until a command begins, it ends the process."""
    with suppress(ValueError):  # not in the main thread
        if callable(signal.getsignal(signal.SIGINT)):
            signal.signal(signal.SIGINT, signal.default_int_handler)


def tell(error: PartooError, names: Mapping[str, str] = OPTIONS) -> None:
    """Say what went wrong: on one line, at length with -v, as a JSON object with --json."""
    text = describe(error)
    if not isinstance(error, APIStatusError):  # whose words are the server's
        text = in_options(named(text, names))
    if VOLUME.as_json:
        tell_json(error_object(error) | {"message": text, "attempts": len(error.attempts)})
    else:
        say(f"error: {text}")
        if VOLUME.verbose:
            _, gap, rest = error.explain().partition("\n\n")  # the first paragraph is the text
            for line in (gap[1:] + rest).splitlines():
                say_line(in_options(clean(line)))


def tell_json(error: dict[str, Any]) -> None:
    """Print an error as a line of JSON on standard error."""
    say_line(json_line({"error": error}, ascii_only=True).rstrip("\n"))
