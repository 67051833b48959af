"""What ``emulator.faults.chaos`` is made of: bad weather, from which a client recovers by trying again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MIX"]

# Nothing here says how long to wait or takes long itself: a demo goes on at a visible speed.
MIX: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("close", {}),
    ("reset", {}),
    ("close_in_body", {}),
    ("truncated_json", {}),
    ("unavailable", {"retry_after": 0}),
    ("status", {"status": 500}),
    ("gateway_page", {"status": 502}),
    ("stall", {"seconds": 0.5}),
    ("slow_body", {"seconds": 0.5}),
)
"""The kinds with their options; each gets the same share."""
