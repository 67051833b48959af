"""Faults that the emulator plays: broken connections, errors of gateways, broken HTTP, encodings and content.

- ``kinds`` defines a kind; ``connection``, ``statuses``, ``framing``, ``encodings``, ``content`` each make a group.
- ``exchange`` is what they work with; ``registry`` has them all by name.
- ``active`` decides which requests they hit; ``injection`` has the middlewares.
"""

# May import ``behaviour`` and ``http.http_io``, and nothing else of the emulator.

from __future__ import annotations

from partoo_async.emulator.faults.active import Fault, Faults
from partoo_async.emulator.faults.kinds import Kind, Option
from partoo_async.emulator.faults.registry import GROUPS, KINDS

__all__ = ["GROUPS", "KINDS", "Fault", "Faults", "Kind", "Option"]
