"""The command line as a whole: commands, warnings, and exit codes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

import partoo_async
from partoo_async._internal.reprs import total_repr
from partoo_async.cli.commands.business import business
from partoo_async.cli.commands.businesses import businesses
from partoo_async.cli.commands.demo import demo
from partoo_async.cli.commands.diff import DIFF_CODES, diff
from partoo_async.cli.commands.emulator import emulator
from partoo_async.cli.commands.group import group_app
from partoo_async.cli.commands.quota import quota
from partoo_async.cli.commands.report import report
from partoo_async.cli.commands.scan import scan
from partoo_async.cli.commands.scan_many import scan_many
from partoo_async.cli.commands.sections import sections
from partoo_async.cli.commands.sync import SYNC_CODES, sync
from partoo_async.cli.commands.watch import watch
from partoo_async.cli.exit_codes import EXIT_CODES, INTERRUPTED, OK, PIPE_CLOSED, USAGE
from partoo_async.cli.output import say
from partoo_async.cli.streams import detach
from partoo_async.cli.text import one_line

__all__ = ["app", "run_process"]

# By way of a public name: the class itself lives in click or, in newer releases, in a private copy of it.
_UsageError: Any = typer.BadParameter.__bases__[0]

# Before 0.28 typer joins the lines of a paragraph, and shows paragraphs without a line between them.
_BREAK = "\n" if tuple(map(int, typer.__version__.split(".")[:2])) >= (0, 28) else "\n\n"


def _listed(codes: Iterable[tuple[int, str]]) -> str:
    return _BREAK.join(["Exit codes:", *(f"{code:>3}  {meaning}" for code, meaning in codes)])


app: typer.Typer = typer.Typer(
    name="partoo",
    epilog=f"The API key is read from the environment variable PARTOO_API_KEY only.\n\n{_listed(EXIT_CODES)}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"partoo {partoo_async.__version__}")
        raise typer.Exit


@app.callback()
def callback(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Read groups of business locations from the Partoo REST API, one or many thousands."""


# In the order of the help, where groups of commands come last.
app.add_typer(group_app, epilog=_listed(EXIT_CODES))
for _part in group_app.registered_commands:
    _part.epilog = _listed(EXIT_CODES)
_own_codes: dict[object, Iterable[tuple[int, str]]] = {diff: DIFF_CODES, sync: SYNC_CODES}
for _command in (sections, business, businesses, scan, scan_many, diff, report, sync, watch, quota, emulator, demo):
    app.command(epilog=_listed(_own_codes.get(_command, EXIT_CODES)))(_command)


@total_repr
class _Warnings(logging.Handler):
    """Prints the client's warnings as lines of the command; their text may quote the server."""

    def emit(self, record: logging.LogRecord) -> None:
        # To the stderr of this moment: a progress bar replaces it, to have lines printed above itself.
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
        # As typed: the command that resumes a scan is made of these words.
        words = sys.argv[1:] if arguments is None else list(arguments)
        code = int(app(words, prog_name="partoo", standalone_mode=False, obj=words) or OK)
        # Without a word click shows the help; whether that is a usage error differs from release to release.
        return code if words else USAGE
    except _UsageError as error:
        return _misused(error)
    except typer.Abort:  # end of input at a prompt
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the latter is how rich, which prints the help, says the same
        detach(sys.stdout)
        return PIPE_CLOSED
    except OSError as error:
        # A full disk behind standard output, for one. Network errors are PartooErrors.
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
