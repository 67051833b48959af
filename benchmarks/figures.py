"""What every part of the benchmarks shares: turns, figures with spreads, and the file that keeps them.

A part prints each figure as soon as it is measured, as a row of markdown. With ``--json FILE`` it appends the figure to
a file, one JSON object a line, for ``python -m benchmarks.compare``.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench_report import commit, head, middle, row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Figures", "cpu_seconds", "keep", "parser", "peak_bytes", "ratios_of", "turns"]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every part."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="small sizes and few rounds: does it still work?")
    made.add_argument("--rounds", type=int, help="how often each is measured")
    made.add_argument("--json", type=Path, metavar="FILE", help="append the figures to a file, for benchmarks.compare")
    return made


def keep(
    path: Path | None, part: str, name: str, values: Sequence[float], unit: str, *, goal: float | None = None
) -> None:
    """Append a figure to the file of ``--json``, if that was given. Less is better, but for a unit such as "1/s"."""
    if path is None:
        return
    facts = {"part": part, "name": name, "unit": unit, "goal": goal, "values": [*values]}
    facts |= {"commit": commit(), "python": platform.python_version()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


class Figures:
    """The figures of one part of the benchmarks."""

    def __init__(self, part: str, path: Path | None = None) -> None:
        """Begin a table. ``part``: such as "bulk"; ``path``: of the file that keeps the figures."""
        self._part, self._path = part, path
        head(part, "median (middle half)", "unit", "goal")

    def add(self, name: str, values: Sequence[float], unit: str, *, goal: float | None = None) -> None:
        """Print one figure, and keep it. Less is better, but for a unit such as "1/s"."""
        row(name, middle([*values]), unit, "" if goal is None else f"{'>=' if unit.endswith('/s') else '<='} {goal:g}")
        keep(self._path, self._part, name, values, unit, goal=goal)


def turns(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each variant once a round, in changing order, and return its figures round by round."""
    names, found = [*variants], {name: list[float]() for name in variants}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(variants[name]())
    return found


def ratios_of(found: Mapping[str, Sequence[float]], name: str, base: str) -> list[float]:
    """Return a variant's figures over those of the base, round by round: the machine drifts between rounds."""
    return [ours / theirs for ours, theirs in zip(found[name], found[base], strict=True)]


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """Return the CPU time of this process, all threads, user and system; or of its ended children."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Return the peak of this process's resident memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
