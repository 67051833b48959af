"""How sure groups are that come from the list of businesses."""

from __future__ import annotations

import math

from partoo_async._internal.text import amount

__all__ = ["bound", "how_sure"]


def how_sure(verified: int, groups: int, inferred: int) -> str:
    """Return in words how sure the groups are that come from the list of businesses."""
    if not inferred:
        return f"by the list of businesses, and all of {amount(groups, 'group')} verified"
    # Rounded up, or "at most" would not be true.
    most = math.ceil(round(bound(True, verified) * 1000, 6)) / 10
    share = f"{verified:,} of {amount(groups, 'group')} verified"
    return f"by the list of businesses, {share}: at most {most:g} % can differ (95 % confidence)"


def bound(inferred: bool, verified: int) -> float:
    """Return the fraction of the groups that may differ, at most, at 95 % confidence."""
    if not inferred:
        return 0.0
    return min(1.0, 3 / verified) if verified else 1.0
