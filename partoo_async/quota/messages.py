"""What the quota says to people."""

from __future__ import annotations

import math

from partoo_async.errors import QuotaExceededError

__all__ = ["pause_warning", "refusal"]

# Raising after a wait of 0 would invite a busy loop; the next slot is at least a moment away.
_LEAST_WAIT = 0.05


def refusal(limit: int | None, per: float, paused_for: float, wait: float) -> QuotaExceededError:
    """Return the error for a call that cannot be served in time; ``wait``: seconds until there may be room for it."""
    wait = max(wait, _LEAST_WAIT)
    what = "paused by the server's 429" if paused_for else f"used up ({limit} requests in {per:g} s)"
    # Rounded up, or whoever does what the text says comes too early.
    shown = math.ceil(wait * 10) / 10
    return QuotaExceededError(
        f"the quota is {what} and cannot serve this call in time; retry in {shown:.1f} s or allow it more time", wait
    )


def pause_warning(seconds: float, waiting: int, pauses: int, *, spaced: bool) -> str:
    """Return the log line of a pause, with a hint from the second one on: our own window was kept, after all.

    ``spaced``: sends go out one by one after it.
    """
    hint = "; then sends are spaced at the pace of the quota until a window passes without a 429" if spaced else ""
    if pauses > 1:
        hint += (
            f" (pause number {pauses}, though this process stays within its limit: another one uses the same quota, or"
            " the server counts in another way; see RateLimit(share=...) and RateLimit(pacing='smooth'))"
        )
    return f"429: the server pauses this quota for {seconds:.1f} s (waiting calls: {waiting}){hint}"
