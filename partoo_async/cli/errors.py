"""What an error means to a shell: one line for people, one exit code for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._protocol.statuses import rule_of
from partoo_async.errors import PartooError, ScanError
from partoo_async.scan.rows import describe

if TYPE_CHECKING:
    from collections.abc import Set

__all__ = [
    "EXIT_CODES",
    "FAILED_GROUPS",
    "INTERRUPTED",
    "OK",
    "PIPE_CLOSED",
    "REFUSED",
    "TERMINATED",
    "UNREACHED",
    "USAGE",
    "describe",
    "exit_code",
    "scan_code",
]

OK = 0
FAILED_GROUPS = 1
USAGE = 2
REFUSED = 3
UNREACHED = 4
INTERRUPTED = 130
PIPE_CLOSED = 141
TERMINATED = 143

EXIT_CODES = (
    (OK, "all went well"),
    (FAILED_GROUPS, "a scan in which groups failed; when all failed for one reason, that reason's code instead"),
    (USAGE, "a wrong command line or configuration, before anything was sent; or a file that cannot be written"),
    (REFUSED, "the API refused the request (400, 401, 403, 404, ...) or gave an unusable answer"),
    (UNREACHED, "no answer in time: connection, timeout, quota, or a fault of the server (5xx)"),
    (INTERRUPTED, "stopped by Ctrl-C"),
    (PIPE_CLOSED, "the reader of the output went away, as head does"),
    (TERMINATED, "stopped by SIGTERM"),
)
"""Each exit code and its meaning, as the help text lists them."""


def exit_code(error: PartooError) -> int:
    """Return the exit code of a command that ended with this error."""
    if isinstance(error, ScanError):
        return UNREACHED if error.transient else FAILED_GROUPS
    return rule_of(error).exit_code


def scan_code(failures: Set[int], *, succeeded: int) -> int:
    """Return the exit code of a scan that went through to its end, from the codes of its failures."""
    if not failures:
        return OK
    # A wrong key fails every section: a script should see that as it would with a single group.
    return next(iter(failures)) if not succeeded and len(failures) == 1 else FAILED_GROUPS
