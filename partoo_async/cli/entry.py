"""From the words on the command line to a command, and from whatever comes of it to an exit code."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.app import app
from partoo_async.cli.errors import INTERRUPTED, OK, PIPE_CLOSED, USAGE
from partoo_async.cli.output import say
from partoo_async.cli.streams import detach
from partoo_async.cli.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_process"]

# By way of a public name: the class itself lives in click or, in newer releases, in a private copy of it.
_UsageError: Any = typer.BadParameter.__bases__[0]


@total_repr
class _Warnings(logging.Handler):
    """Shows warnings of the client as lines of the command; their text may quote the server."""

    def emit(self, record: logging.LogRecord) -> None:
        # To the stderr of this moment, which a progress bar replaces to have lines above itself.
        say(f"{record.levelname.lower()}: {one_line(record.getMessage())}")


def run_process(arguments: Sequence[str] | None = None) -> int:
    """Run the command line in this process and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream in memory may not have it
            # A name that the terminal's encoding lacks is spelled out instead of ending the scan.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    logger, warnings = logging.getLogger("partoo_async"), _Warnings(logging.WARNING)
    logger.addHandler(warnings)
    try:
        # As typed: what resumes a scan is the same command and a word more.
        words = sys.argv[1:] if arguments is None else list(arguments)
        # Without a word click shows the help; whether that is a usage error differs from release to release.
        code = int(app(words, prog_name="partoo", standalone_mode=False, obj=words) or OK)
        return code if words else USAGE
    except _UsageError as error:
        return _misused(error)
    except typer.Abort:  # end of input at a prompt
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the latter is how rich, which prints the help, says the same
        detach(sys.stdout)
        return PIPE_CLOSED
    except OSError as error:
        # A full disk behind standard output, for one. The errors of the network are PartooErrors.
        detach(sys.stdout)
        say(f"error: cannot write the result: {one_line(error.strerror or str(error))}")
        return USAGE
    finally:
        logger.removeHandler(warnings)


def _misused(error: Any) -> int:
    message = one_line(error.format_message())
    if message:  # none after a bare `partoo`, which has printed the help
        say(f"error: {message}")
        say(f"try '{error.ctx.command_path if error.ctx else 'partoo'} --help'")
    return USAGE
