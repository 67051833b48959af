"""An error as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.text import one_line
from partoo_async.errors import APIConnectionError

if TYPE_CHECKING:
    from partoo_async.errors import PartooError

__all__ = ["describe"]


def describe(error: PartooError) -> str:
    """Return the error as one line."""
    # Its text may quote the server: control characters are escaped.
    line = one_line(str(error)) or type(error).__name__
    if not isinstance(error, APIConnectionError) or error.request_sent:
        return line
    which = "last" if any(attempt.request_sent for attempt in error.attempts) else "request"
    counted = line.removesuffix(" attempts)")
    return f"{line} (the {which} was not sent)" if counted == line else f"{line[:-1]}; the {which} was not sent)"
