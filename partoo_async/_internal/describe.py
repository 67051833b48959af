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
    if isinstance(error, APIConnectionError) and not error.request_sent:
        line += " (the request was not sent)"
    return line
