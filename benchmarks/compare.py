"""Which figures moved between two runs by more than the noise.

    make bench ARGS="--json before.json"       # then change something
    make bench ARGS="--json after.json"
    python -m benchmarks.compare before.json after.json

A figure counts as moved if its median changed by more than 3 %, and by more than the mean width of both middle halves:
what lies within is what the machine does by itself. Two runs at different times drift, so that ratios tell more than
seconds. Prints markdown; ``--fail`` makes something that got worse an exit code of 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.bench_report import head, row

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["moved", "print_moved", "read"]

LEAST = 0.03
"""The change that is worth a line, whatever the noise."""

Key: TypeAlias = tuple[str, str, str]
"""Part, name and Python."""


def read(path: Path) -> dict[Key, dict[str, Any]]:
    """Return the figures of a file. The last one of a name counts."""
    figures = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {(figure["part"], figure["name"], figure["python"]): figure for figure in figures}


def _middle_half(values: Sequence[float]) -> tuple[float, float]:
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return low, high


def _width(values: Sequence[float]) -> float:
    low, high = _middle_half(values)
    return high - low


def _shown(values: Sequence[float]) -> str:
    low, high = _middle_half(values)
    return f"{median(values):.4g}" + (f" ({low:.4g}-{high:.4g})" if len(values) > 1 else "")


def moved(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the change as a fraction of the median before, 0.0 if it lies within the noise."""
    first, last = median(before), median(after)
    change = last - first
    # The noise of a median is less than that of one value; half of both widths is on the safe side.
    if not first or abs(change) <= LEAST * abs(first) or abs(change) <= (_width(before) + _width(after)) / 2:
        return 0.0
    return change / first


def print_moved(before: dict[Key, dict[str, Any]], after: dict[Key, dict[str, Any]], *, everything: bool) -> int:
    """Print what moved, or ``everything``, and return how many figures got worse."""
    shared = [key for key in before if key in after]
    head("figure", "before", "after", "unit", "goal", "change", "")
    worse = 0
    for part, name, python in shared:
        old, new = (side[part, name, python] for side in (before, after))
        change = moved(old["values"], new["values"])
        is_worse = change < 0 if old["unit"].endswith("/s") else change > 0
        worse += is_worse
        if change or everything:
            total = f"{median(new['values']) / median(old['values']) - 1:+.1%}" if median(old["values"]) else ""
            word = "**worse**" if is_worse else "better" if change else ""
            goal = "" if new.get("goal") is None else f"{new['goal']:g}"
            row(f"{part}: {name}", _shown(old["values"]), _shown(new["values"]), old["unit"], goal, total, word)
    only = len(before) + len(after) - 2 * len(shared)
    print(f"\n{len(shared)} figures compared, {worse} worse; {only} are in one of the files only.")
    return worse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--all", action="store_true", help="also what did not move")
    parser.add_argument("--fail", action="store_true", help="exit code 1 if something got worse")
    arguments = parser.parse_args()
    worse = print_moved(read(arguments.before), read(arguments.after), everything=arguments.all)
    sys.exit(1 if worse and arguments.fail else 0)


if __name__ == "__main__":
    main()
