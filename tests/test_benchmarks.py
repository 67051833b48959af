"""The parts of the benchmarks still run, and two runs are compared as their page says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import PARTS, command
from benchmarks.beside import joined, prepared
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
        ({"scan": 120.0, "speed": 10.0}, ["| bulk: scan | 100 | 120 | us |  | +20.0% | **worse** |"], 1),
        ({"scan": 80.0, "speed": 10.0}, ["| bulk: scan | 100 | 80 | us |  | -20.0% | better |"], 0),
        ({"scan": 100.0, "speed": 8.0}, ["| bulk: speed | 10 | 8 | 1/s |  | -20.0% | **worse** |"], 1),
    ],
)
def test_two_runs_are_compared(tmp_path: Path, after: dict[str, float], lines: list[str], code: int) -> None:
    """Only what moved gets a line, with whether that is worse; --fail makes it an exit code."""
    files = [kept(tmp_path / "before.json", scan=100.0, speed=10.0, gone=1.0), kept(tmp_path / "after.json", **after)]
    words = [sys.executable, "-m", "benchmarks.compare", *map(str, files), "--fail"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith("| bulk")] == lines
    assert f"2 figures compared, {code} worse; 1 are in one of the files only." in done.stdout
    assert done.returncode == code


def test_the_last_figure_of_a_name_counts(tmp_path: Path) -> None:
    """A file that two runs were appended to has the figures of the second."""
    path = tmp_path / "figures.json"
    path.write_text(kept(path, scan=1.0).read_text() + kept(path, scan=2.0).read_text())
    assert [figure["values"] for figure in read(path).values()] == [[2.0]]


def test_turns_are_joined(tmp_path: Path) -> None:
    """What each turn found of a figure stands together, in the order of the turns."""
    files = [kept(tmp_path / "0.json", scan=1.0, more=5.0), kept(tmp_path / "1.json", scan=2.0)]
    values = {name: figure["values"] for (_, name, _), figure in joined(files).items()}
    assert values == {"scan": [1.0, 2.0], "more": [5.0]}


def test_a_side_has_these_benchmarks_and_the_package_of_the_other_checkout(tmp_path: Path) -> None:
    """So an older version is measured in the same way, and a file that it lacks does not come from here."""
    old = tmp_path / "old"
    (old / "partoo_async").mkdir(parents=True)
    (old / "partoo_async" / "__init__.py").write_text("old = True")
    (tmp_path / "side").mkdir()
    side = prepared(tmp_path / "side", old)
    code = "import benchmarks.waiting, partoo_async; print(benchmarks.waiting.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=side, capture_output=True, text=True, check=False)
    assert "cannot import name" in done.stderr  # PartooClient: the older package is the one that is found
    assert sorted(path.name for path in side.iterdir()) == ["benchmarks", "partoo_async"]


def test_every_part_runs_alone_and_keeps_its_figures(tmp_path: Path) -> None:
    """`make bench ARGS="--quick waiting"` prints each figure with its goal, and appends it to the file of --json."""
    path = tmp_path / "build" / "figures.json"
    words = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(path), "waiting"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "| one page over different pages | **" in done.stdout
    figures = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {figure["part"] for figure in figures} == {"waiting"}
    assert all(figure["values"] and figure["unit"] for figure in figures)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_part_says_how_it_is_used(part: str) -> None:
    """Each is a module with --quick and --json."""
    done = subprocess.run(
        [*command(part, quick=False, path=None)[:3], "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"--quick", "--json"} <= {*done.stdout.replace("]", " ").replace("[", " ").split()}


def test_a_part_that_does_not_exist_is_refused() -> None:
    """The message names those that do."""
    done = subprocess.run([sys.executable, "-m", "benchmarks", "speed"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PART: no such part: speed; there are clients, large, bulk" in done.stderr
