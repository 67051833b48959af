"""How much is said on standard error, and in which form: one value for the command that runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrs import define

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.streams import say
from partoo_async.cli.text import one_line
from partoo_async.cli.wording import in_options

__all__ = ["VOLUME", "LogLines"]

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


@define
class _Volume:
    """``as_json``: errors are JSON objects. ``verbose``: how often -v was given. ``quiet``: only what failed."""

    as_json: bool = False
    verbose: int = 0
    quiet: bool = False

    def begin(self, words: Sequence[str]) -> None:
        """Take what the words say, before they are understood: they may be wrong."""
        options = words[: [*words, "--"].index("--")]
        self.as_json, self.verbose, self.quiet = "--json" in options, 0, False

    def turn(self, verbose: int, quiet: bool) -> None:
        """Take what a command was given."""
        self.verbose, self.quiet = min(verbose, 2), quiet
        level = logging.ERROR if quiet and not verbose else _LEVELS[self.verbose]
        logger = logging.getLogger("partoo_async")
        for handler in logger.handlers:
            if isinstance(handler, LogLines):
                handler.setLevel(level)
                # PARTOO_LOG may have asked for more.
                logger.setLevel(min(level, logger.level or level))


VOLUME: _Volume = _Volume()
"""That of this process, which runs one command."""


@total_repr
class LogLines(logging.Handler):
    """Prints what the client logs as lines of the command; their text may quote the server."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        # To the stderr of this moment: a progress bar replaces it, to have lines printed above itself.
        say(f"{record.levelname.lower()}: {in_options(one_line(record.getMessage()))}")
