"""One command as a process: signals, closed pipes, one line for an error, an exit code."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from partoo_async.cli.errors import INTERRUPTED, PIPE_CLOSED, TERMINATED, USAGE, describe, exit_code
from partoo_async.cli.output import detach_stdout, say
from partoo_async.cli.text import one_line
from partoo_async.errors import PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Work = Callable[[], Coroutine[Any, Any, int]]

__all__ = ["execute"]


def execute(work: Work) -> int:
    """Run one command's coroutine to its end and return the exit code; whatever ends it, it cleans up first."""
    terminated = False

    async def guarded() -> int:
        task = asyncio.current_task()

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            if task is not None:
                task.cancel()

        # Not on Windows, and only in the main thread.
        with suppress(NotImplementedError, ValueError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        return await work()

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except asyncio.CancelledError:
        if not terminated:
            raise
        say("terminated")
        return TERMINATED
    except PartooError as error:
        say(f"error: {describe(error)}")
        return exit_code(error)
    except BrokenPipeError:
        detach_stdout()
        return PIPE_CLOSED
    except OSError as error:
        # A full disk behind standard output, for one. The errors of the network are PartooErrors.
        detach_stdout()
        say(f"error: cannot write the result: {one_line(error.strerror or str(error))}")
        return USAGE
