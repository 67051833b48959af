"""What a command that ends early says of its results, and of how to go on."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async.cli.exit_codes import USAGE
from partoo_async.cli.streams import say
from partoo_async.cli.text import clean, one_line, shell_words
from partoo_async.errors import AuthenticationError, ConfigurationError, PartooError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from partoo_async import Scan
    from partoo_async.cli.result_options import Target
    from partoo_async.scan.many import ManyScans

__all__ = ["Ending", "ending_of", "resuming"]


@frozen
class Ending:
    """What is left of a scan that ends early.

    ``resume``: the command that goes on with it, "" without a journal. ``path``: the file that its results were to go
    to, if any. ``read``: how many groups were read until now. ``journal``: the option that keeps them.
    """

    resume: str
    path: str | None
    read: Callable[[], int]
    journal: str

    async def told(self, work: Awaitable[int]) -> int:
        """Return the exit code of the work. If it ends early, say what is left of it."""
        try:
            return await work
        # Nothing was sent, so there is nothing to resume.
        except ConfigurationError:
            raise
        except AuthenticationError:
            if self.read():  # else the error says it all
                self._say()
            raise
        except (PartooError, asyncio.CancelledError):
            self._say()
            raise
        except OSError as error:
            if self.path is None:
                raise  # standard output: every command ends alike when that cannot be written
            say(f"error: {one_line(error.strerror or str(error))}")  # what it says of the file is all there is
            if self.resume:
                say(f"what was read is in the journal; to go on: {self.resume}")
            return USAGE

    def _say(self) -> None:
        nothing = "" if self.path is None else f"nothing was written to {clean(self.path)}"
        if self.resume:
            kept = f"{nothing}; what was read is in the journal" if nothing else "nothing is lost"
            say(f"{kept}; to go on: {self.resume}")
        elif nothing and self.read():
            say(f"{nothing}; what was read is lost, which {self.journal} would have kept")
        elif nothing:
            say(nothing)


def ending_of(scans: Scan | ManyScans, target: Target | None, resume: str, journal: str) -> Ending:
    """Return what is left when these scans end early."""

    def read() -> int:
        return scans.progress.done - scans.progress.failed

    return Ending(resume, None if target is None else target.path, read, journal)


def resuming(words: Sequence[str] | None, command: str, *, again: bool) -> str:
    """Return the command line that continues the one of these words; ``again``: if that resumes a scan already."""
    if words is None:
        return ""
    # Not at the end, where it could be behind a "--".
    at = words.index(command) + 1
    words = [_without_password(word) for word in words]
    return shell_words(["partoo", *words[:at], *([] if again else ["--resume"]), *words[at:]])


def _without_password(word: str) -> str:
    # That of --quota goes into no log, in either place in which a URL of Redis may have it.
    return re.sub(r"([?&]password=)[^&]*", r"\1***", re.sub(r"://[^/]*@", "://***@", word))
