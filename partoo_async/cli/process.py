"""The command as a process: signals, closed pipes, one line for an error, an exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from partoo_async.cli.errors import INTERRUPTED, OK, PIPE_CLOSED, TERMINATED, USAGE, describe, exit_code
from partoo_async.cli.output import detach_stdout, say
from partoo_async.cli.text import one_line
from partoo_async.errors import PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    Work = Callable[[], Coroutine[Any, Any, int]]

__all__ = ["execute", "run_process"]

# By way of a public name: the class itself lives in click, or, in newer releases, in a private copy of it.
_UsageError: Any = typer.BadParameter.__bases__[0]


class _Warnings(logging.Formatter):
    """One line per warning of the client; its text may quote the server."""

    def format(self, record: logging.LogRecord) -> str:
        return f"partoo: {record.levelname.lower()}: {one_line(record.getMessage())}"


def run_process(arguments: Sequence[str] | None = None) -> int:
    """Run the command line in this process and return its exit code."""
    from partoo_async.cli.app import app  # noqa: PLC0415 - app uses execute() of this module

    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a test's stream in memory may not have it
            # A name that the terminal's encoding lacks is spelled out instead of ending the scan.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    warnings = logging.StreamHandler()
    warnings.setFormatter(_Warnings())
    logger = logging.getLogger("partoo_async")
    logger.addHandler(warnings)
    try:
        return int(app(arguments, prog_name="partoo", standalone_mode=False) or OK)
    except _UsageError as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    finally:
        logger.removeHandler(warnings)


def _misused(error: Any) -> int:
    where = error.ctx.command_path if error.ctx else "partoo"
    say(f"error: {one_line(error.format_message())}")
    say(f"try '{where} --help'")
    return USAGE


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
        say(f"error: {one_line(str(error))}")
        return USAGE
