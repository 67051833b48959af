"""The quota of the emulated organization: whether a request is within it, and what ``Retry-After`` says if not."""

from __future__ import annotations

import math
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async._internal.checks import check_choice
from partoo_async.emulator.arguments import check_retry_after
from partoo_async.emulator.domain_errors import OverQuotaError
from partoo_async.emulator.rate_limits.windows import WINDOWS, Clock, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.policy import RateLimit

__all__ = ["SCALED_DOWN", "Quota", "make_quotas", "retry_after"]

SCALED_DOWN = 10.0
"""Windows shorter than this, in seconds, exist only in tests that scale time down."""


def retry_after(style: str | float, wait: float, per: float, now: float) -> str | None:
    """Return the value of ``Retry-After`` for a wait in seconds, or None for no such header.

    ``style``: "remaining" or "date" for the wait itself, "absent", or a constant number of seconds. ``per`` is the
    length of the window and ``now`` the wall clock, both in seconds. The documentation shows ``Retry-After: 60`` and
    does not say whether that is the rest of the window or a constant; whole seconds are assumed.
    """
    if style == "absent":
        return None
    if style == "date":
        # Rounded up: a date has whole seconds, and the one before would ask for a retry that is too early.
        return formatdate(math.ceil(now + wait), usegmt=True)
    if not isinstance(style, str):
        return f"{style:g}"
    if per < SCALED_DOWN:
        # A deviation that only scaled-down windows have: whole seconds would be as long as the window itself.
        return f"{max(math.ceil(wait * 100), 1) / 100:.2f}"
    return str(max(math.ceil(wait), 1))


@frozen
class Quota:
    """One window, shared by every key: the documented limit is per organization, not per key."""

    window: Window
    per: float
    style: str | float
    wall_clock: Clock = time.time

    def check(self) -> None:
        """Count a request now; raises ``OverQuotaError`` if it is over the quota."""
        wait = self.window.admit()
        if wait:
            raise OverQuotaError(retry_after(self.style, wait, self.per, self.wall_clock()))


def make_quotas(
    organizations: Iterable[int], rate_limit: RateLimit | None, window: str, style: str | float
) -> dict[int, Quota]:
    """Return a quota for each organization, or none at all without a limit; the arguments are those of ``Emulator``."""
    check_choice("window", window, WINDOWS)
    check_retry_after(style)
    if rate_limit is None:
        return {}
    kind, per = WINDOWS[window], rate_limit.per
    return {org_id: Quota(kind(rate_limit, time.monotonic), per, style) for org_id in sorted(set(organizations))}
