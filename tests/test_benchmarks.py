"""The parts of the benchmarks still run, and two runs are compared as their page says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.compare import moved, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([1.0], [1.0], 0.0),
        ([1.0], [1.02], 0.0),  # under 3 %
        ([100.0, 100.0, 100.0], [110.0, 110.0, 110.0], 0.1),
        ([100.0, 100.0, 100.0], [90.0, 90.0, 90.0], -0.1),
        ([80.0, 100.0, 120.0], [90.0, 110.0, 130.0], 0.0),  # both are that unsteady
        ([99.0, 100.0, 101.0], [109.0, 110.0, 111.0], 0.1),
        ([0.0], [1.0], 0.0),  # nothing to compare with
    ],
)
def test_what_moved(before: Sequence[float], after: Sequence[float], change: float) -> None:
    """A median that changed by more than 3 %, and by more than the spread of both runs, has moved."""
    assert moved(before, after) == pytest.approx(change)


def kept(path: Path, **medians: float) -> Path:
    figures = [
        {
            "part": "bulk",
            "name": name,
            "unit": "1/s" if name == "speed" else "us",
            "python": "3.13.0",
            "values": [value],
        }
        for name, value in medians.items()
    ]
    path.write_text("".join(f"{json.dumps(figure)}\n" for figure in figures))
    return path


@pytest.mark.parametrize(
    ("after", "lines", "code"),
    [
        ({"scan": 100.0, "speed": 10.0}, [], 0),
        ({"scan": 120.0, "speed": 10.0}, ["| bulk: scan | 100 | 120 | us | +20.0% | **worse** |"], 1),
        ({"scan": 80.0, "speed": 10.0}, ["| bulk: scan | 100 | 80 | us | -20.0% | better |"], 0),
        ({"scan": 100.0, "speed": 8.0}, ["| bulk: speed | 10 | 8 | 1/s | -20.0% | **worse** |"], 1),
    ],
)
def test_two_runs_are_compared(tmp_path: Path, after: dict[str, float], lines: list[str], code: int) -> None:
    """Only what moved gets a line, with whether that is worse; --fail makes it an exit code."""
    files = [kept(tmp_path / "before.json", scan=100.0, speed=10.0, gone=1.0), kept(tmp_path / "after.json", **after)]
    command = [sys.executable, "-m", "benchmarks.compare", *map(str, files), "--fail"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith("| bulk")] == lines
    assert f"2 figures compared, {code} worse; 1 are in one of the files only." in done.stdout
    assert done.returncode == code


def test_the_last_figure_of_a_name_counts(tmp_path: Path) -> None:
    """A file that two runs were appended to has the figures of the second."""
    path = tmp_path / "figures.json"
    path.write_text(kept(path, scan=1.0).read_text() + kept(path, scan=2.0).read_text())
    assert [figure["values"] for figure in read(path).values()] == [[2.0]]
