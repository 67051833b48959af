"""The exit codes, and which error ends in which."""

from __future__ import annotations

from collections.abc import Set

from partoo_async._protocol.statuses import rule_of
from partoo_async.errors import PartooError, ScanError

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

# As the help lists them, each on one line of 80 columns.
EXIT_CODES = (
    (OK, "success"),
    (FAILED_GROUPS, "groups of a scan failed; if all failed alike, the code of that reason"),
    (USAGE, "wrong command line or configuration, or a file that cannot be written"),
    (REFUSED, "the API refused the request (401, 404, ...), or its response is unusable"),
    (UNREACHED, "no response in time: connection, timeout, quota, or a server fault (5xx)"),
    (INTERRUPTED, "stopped by Ctrl-C, or by the answer no to a question"),
    (PIPE_CLOSED, "the reader of the output closed it, as head does"),
    (TERMINATED, "stopped by SIGTERM"),
)


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
