"""Faults of server and line, injected into the answers of the emulator.

- ``kinds`` says what a kind is; ``connection``, ``statuses``, ``framing``, ``encodings`` and ``content`` make them;
  ``registry`` has them all by name.
- They work on the real answer (``exchange``), and some on the bytes of the connection (``raw``).
- ``rules`` holds the active ones of an emulator, ``matching`` says which requests they are for, ``chaos`` mixes some,
  and ``injection`` puts them into the emulator.
"""

from __future__ import annotations

from partoo_async.emulator.faults.kinds import Kind, Option
from partoo_async.emulator.faults.registry import GROUPS, KINDS
from partoo_async.emulator.faults.rules import Fault, Faults

__all__ = ["GROUPS", "KINDS", "Fault", "Faults", "Kind", "Option"]
