"""The command ``partoo`` (extra ``cli``).

``app`` ties the commands together; ``commands/`` has one file for each: its options, its texts, what it does.
"""

# It may import every other room; only ``__main__`` imports it.
#
# Where to look:
#   options results keys subcommands business_ids request_fields organizations_file   what a user types, as values
#   help values                                                what typer leaves to be desired
#   process exit_codes wording ending volume                   one run of a command, its errors and its end
#   output emit consoles streams text                          where and how anything is printed
#   *_output                                                   one kind of results
#   progress progress_words listeners waits                    what happens meanwhile
#   change confirm group_writes                                writes: shown, asked for, made
#   on_dask hand_over                                          --dask, --exec

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from partoo_async.cli.streams import restore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, by default the process's own arguments, and exit with its code."""
    restore()
    # Imported here: without the extra, the user reads a sentence and no traceback.
    try:
        from partoo_async.cli.app import run_process  # noqa: PLC0415 - typer may be missing

        sys.exit(run_process(arguments))
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("typer", "click", "rich"):
            raise
        from partoo_async._internal.version import install_command  # noqa: PLC0415 - needed when something is missing

        sys.stderr.write(f"The partoo command needs the cli extra: {install_command('cli')}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
