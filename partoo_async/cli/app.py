"""The command line as a whole: commands, warnings, and exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer

import partoo_async
from partoo_async._internal.reprs import total_repr
from partoo_async.cli.exit_codes import EXIT_CODES, INTERRUPTED, OK, PIPE_CLOSED, USAGE
from partoo_async.cli.help import HelpfulCommand, HelpfulGroup, listed
from partoo_async.cli.process import tell_json
from partoo_async.cli.streams import detach, say, say_line
from partoo_async.cli.text import one_line
from partoo_async.cli.volume import VOLUME, LogLines
from partoo_async.cli.wording import usage_text

__all__ = ["COMMANDS", "app", "run_process"]

# By way of a public name: the class itself lives in click or, in newer releases, in a private copy of it.
_UsageError: Any = typer.BadParameter.__bases__[0]

# The commands with the first sentence of their help, in its order: a module is imported when its command is called.
COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Read": {
        "sections": "List all sections.",
        "section": "Print a section with its groups, or change it.",
        "groups": "Find groups by name, or list all.",
        "group": "Print a group with its businesses, or change it.",
        "business": "Print one business, or those that a text finds.",
        "businesses": "List businesses of every status.",
        "request": "Call any endpoint of the API.",
    },
    "Scan": {
        "scan": "Read every group of sections, as fast as the quota allows.",
        "scan-many": "Read every group of many organizations.",
        "diff": "Show what changed between two scans.",
        "report": "Report on a scan, from its journal.",
    },
    "Jobs": {
        "sync": "Read everything, say what changed, load a database.",
        "watch": "Do that again and again, and print each change.",
    },
    "Set up": {
        "key": "Store the API key in the keyring, and say where it is from.",
        "doctor": "Check key, server, network, TLS, clock, quota and versions.",
        "quota": "Show who uses the quotas that processes share.",
    },
    "Try": {
        "demo": "Scan the demo data of an emulator.",
        "emulator": "Run an emulated Partoo API.",
    },
}

_EPILOG = """\
The API key is taken from --key-file FILE, else from the environment variable
PARTOO_API_KEY, else from the file that PARTOO_API_KEY_FILE names, else from
the keyring of the system: see 'partoo key --help'.

Examples:
  # does it work here?
  partoo doctor
  # a group by a part of its name, then by its ids
  partoo groups france
  partoo group 7 42
  # every group of every section, into a file
  partoo scan --all --output groups.csv

Exit codes:
"""


@cache
def _command(name: str) -> Any:
    word = name.replace("-", "_")
    module = import_module(f"partoo_async.cli.commands.{word}")
    group = getattr(module, f"{word}_app", None)
    if group is None:
        group = typer.Typer(add_completion=False, rich_markup_mode=None)
        group.command(name, cls=HelpfulCommand, epilog=module.EPILOG)(getattr(module, word))
    return typer.main.get_command(group)


@total_repr
class _Commands(HelpfulGroup):
    """The commands, each imported when it is called."""

    _is_listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names."""
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one, None for an unknown name."""
        if self._is_listing:
            texts = {name: text for names in COMMANDS.values() for name, text in names.items()}
            return HelpfulCommand(cmd_name, help=texts[cmd_name])
        return _command(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return what a word may become, without an import."""
        self._is_listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._is_listing = False

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """All of them, for who walks through the tree."""
        return {name: _command(name) for name in self.list_commands(None)}

    @commands.setter
    def commands(self, _: object) -> None:
        """typer knows of none."""

    def panels(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Return the names and short texts, without an import."""
        return {panel: [*names.items()] for panel, names in COMMANDS.items()}


app: typer.Typer = typer.Typer(
    name="partoo",
    cls=_Commands,
    epilog=_EPILOG + "\n".join(listed(EXIT_CODES)),
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"partoo {partoo_async.__version__}")
        raise typer.Exit


@app.callback()
def callback(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Read groups of business locations from the Partoo REST API, one or many thousands."""


def run_process(arguments: Sequence[str] | None = None) -> int:
    """Run the command line in this process and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream in memory may not have it
            # A name that the terminal's encoding lacks is spelled out instead of ending the scan.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    logger, warnings = logging.getLogger("partoo_async"), LogLines(logging.WARNING)
    level = logger.level
    logger.addHandler(warnings)
    # As typed: the command that resumes a scan is made of these words.
    words = sys.argv[1:] if arguments is None else list(arguments)
    VOLUME.begin(words)
    try:
        return int(app(words, prog_name="partoo", standalone_mode=False, obj=words) or OK)
    except _UsageError as error:
        return _misused(error)
    except typer.Abort:  # Ctrl-C, or the end of input, at a prompt
        say_line("")
        say("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as ended:
        # The latter is how click says the same; and how completion ends, which fish asks for its code.
        if isinstance(ended, SystemExit) and (not ended.code or "_PARTOO_COMPLETE" in os.environ):
            return int(ended.code or OK)
        detach(sys.stdout)
        return PIPE_CLOSED
    except OSError as error:
        # A full disk behind standard output, for one. Network errors are PartooErrors.
        detach(sys.stdout)
        say(f"error: cannot write the result: {one_line(error.strerror or str(error))}")
        return USAGE
    finally:
        logger.removeHandler(warnings)
        logger.setLevel(level)


def _misused(error: Any) -> int:
    text = usage_text(one_line(error.format_message()))
    if VOLUME.as_json:
        tell_json({"type": "UsageError", "message": text, "status": None, "transient": False, "attempts": 0})
        return USAGE
    say(f"error: {text}")
    say(f"try '{error.ctx.command_path if error.ctx else 'partoo'} --help'")
    return USAGE
