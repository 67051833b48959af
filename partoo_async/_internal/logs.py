"""``PARTOO_LOG=debug|info``: the package's log on standard error, for programs that have configured none."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache

from partoo_async._internal.reprs import total_repr

__all__ = ["log_to_stderr", "obey_environment"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
_logger = logging.getLogger("partoo_async")


@total_repr
class _Handler(logging.Handler):
    """Prints what no other handler gets."""

    def emit(self, record: logging.LogRecord) -> None:
        # Those of the application, which may come later: a line is printed once. And not a stream that is kept: tests
        # and notebooks replace it.
        others = (*_logger.handlers, *(logging.getLogger().handlers if _logger.propagate else ()))
        mute = (_Handler, logging.NullHandler)
        if any(other.level <= record.levelno and not isinstance(other, mute) for other in others):
            return
        try:
            if sys.stderr is not None and not sys.stderr.closed:  # as that of a daemon may be
                sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # as the handlers of the standard library do
            self.handleError(record)


_HANDLER = _Handler()
_HANDLER.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))


def log_to_stderr(level: int) -> None:
    """Print what the package logs at this level and above; with ``logging.NOTSET``, no more.

    Args:
        level: Such as ``logging.DEBUG``.
    """
    if level == logging.NOTSET:
        _logger.removeHandler(_HANDLER)
    elif _HANDLER not in _logger.handlers:
        _logger.addHandler(_HANDLER)
    _logger.setLevel(level)


@cache
def obey_environment() -> None:
    """Do what ``PARTOO_LOG`` says, once in a process. Called when a client is made."""
    value = os.environ.get("PARTOO_LOG", "").strip().lower()
    if value in _LEVELS:
        log_to_stderr(_LEVELS[value])
    elif value:
        # No error: a variable for looking at a service must not stop it.
        _logger.warning("PARTOO_LOG: expected debug or info; this value is ignored")
