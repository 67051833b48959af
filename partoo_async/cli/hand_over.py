"""``--exec``: a program that gets lines on its standard input."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from partoo_async._internal.text import cut, one_line
from partoo_async.cli.streams import say
from partoo_async.errors import ConfigurationError
from partoo_async.nightly.run import NotDeliveredError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["environment_without", "hand_over", "words_of"]

_SLOW = 60.0  # seconds
_GRACE = 5.0  # seconds to end in, after SIGTERM
_STDERR = 2  # standard output has the lines
_SHOWN = 60


def words_of(command: str) -> list[str]:
    """Return the words of a command line, as a shell would split it. Raises ``ConfigurationError``."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        problem = str(error).lower()
    else:
        if words and shutil.which(words[0]):
            return words
        problem = f"there is no program {words[0]!r}" if words else "it is empty"
    raise ConfigurationError(f"exec: cannot run {cut(one_line(command), _SHOWN)}: {problem}")


def environment_without(secret: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that do not hold the key."""
    named = ("PARTOO_API_KEY", "PARTOO_API_KEY_FILE")
    return {name: value for name, value in environment.items() if name not in named and secret not in value}


async def hand_over(words: Sequence[str], lines: Iterable[bytes], environment: Mapping[str, str]) -> None:
    """Run a program with these lines as its input. Cancelled, it ends the program and what that started.

    Args:
        words: The program and its arguments.
        lines: Its input.
        environment: Its variables.

    Raises:
        NotDeliveredError: It could not be started, or failed.
    """
    shown = cut(one_line(words[0]), _SHOWN)  # not its arguments: a token may be among them
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=_STDERR,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the watch, which then ends the program with all that it started
        )
    )
    try:
        process = await asyncio.shield(starting)
        slow = asyncio.get_running_loop().call_later(
            _SLOW, say, f"warning: {shown} has run for {_SLOW:g} s; the next round waits for it"
        )
        try:
            await _feed(process, lines)
            code = await process.wait()
        finally:
            slow.cancel()
    except OSError as error:
        raise NotDeliveredError(f"{shown} cannot be started: {error.strerror or error}") from None
    except BaseException:
        # Once it has started. Cancelled before that, asyncio would end the program, but not what that started.
        with suppress(OSError):
            await _end(await starting)
        raise
    if code:
        ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        raise NotDeliveredError(f"{shown} {ended}")


async def _feed(process: asyncio.subprocess.Process, lines: Iterable[bytes]) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    # A program need not read its input: its exit code counts.
    with suppress(BrokenPipeError, ConnectionResetError):
        for line in lines:
            stdin.write(line)
            await stdin.drain()
    stdin.close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await stdin.wait_closed()


async def _end(process: asyncio.subprocess.Process) -> None:
    _signal(process, signal.SIGTERM)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)
    finally:
        # Also what it started, and left.
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.terminate()
