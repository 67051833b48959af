"""The standard streams, which cron, systemd or ``>&-`` may have closed before the process started."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Messages", "detach", "require_stdout", "restore", "say", "say_line"]


def restore() -> None:
    """Open what was closed."""
    # Before a socket or a journal gets the number of a closed stream: output would go into it. Standard output is
    # opened to be read, so that writing a result fails; messages on standard error are dropped.
    for name, flags in (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)  # the lowest free number, which is that of the stream
            mode = "r" if name == "stdin" else "w"
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end
            setattr(sys, name, stream)


def require_stdout() -> None:
    """Raise ``OSError`` if standard output was closed."""
    # Before hours of work, not after.
    with suppress(AttributeError, ValueError):  # a stream in memory has no descriptor
        os.write(sys.stdout.fileno(), b"")


def detach(stream: TextIO) -> None:
    """Point a stream at nothing."""
    # Else the last flush of a closing interpreter finds a broken pipe, and says so.
    with suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


class Messages:
    """A stream for messages; what cannot be written is dropped."""

    # The work is worth more than what is said of it.

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return self._stream.write(text)
        except OSError:
            detach(self._stream)
            return len(text)

    def flush(self) -> None:
        """Let it be seen."""
        try:
            self._stream.flush()
        except OSError:
            detach(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def say(text: str) -> None:
    """Write one line to standard error, if anybody still reads it."""
    say_line(f"partoo: {text}")


def say_line(line: str) -> None:
    """Write a line as it is, likewise."""
    messages = Messages(sys.stderr)
    messages.write(f"{line}\n")
    messages.flush()
