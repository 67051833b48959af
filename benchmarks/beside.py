"""What a change moved: an older checkout and this one, in turns.

    git worktree add ../old v0.9.0
    python -m benchmarks.beside ../old waiting bulk
    python -m benchmarks.beside ../old bulk --turns 5 --quick

The parts are those of this checkout, and run one round a turn for each side, with the package of the one and of the
other: the machine drifts, and two whole runs one after the other would compare its hours. Prints what
``benchmarks.compare`` does, with all that did not move.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import PARTS, command
from benchmarks.compare import print_moved, read

if TYPE_CHECKING:
    from benchmarks.compare import Key

ROOT = Path(__file__).parents[1]
PACKAGE = ("partoo_async", "_partoo_async_command.py")


def prepared(place: Path, checkout: Path) -> Path:
    """Return a directory with the benchmarks of this checkout and the package of the other one."""
    for source in (ROOT / "benchmarks", *(checkout / name for name in PACKAGE)):
        if source.is_dir():
            shutil.copytree(source, place / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, place / source.name)
    return place


def joined(files: list[Path]) -> dict[Key, dict[str, Any]]:
    """Return the figures of several runs, the values of each turn together."""
    found: dict[Key, dict[str, Any]] = {}
    for path in files:
        for key, figure in read(path).items():
            found.setdefault(key, {**figure, "values": []})["values"] += figure["values"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, metavar="CHECKOUT")
    parser.add_argument("parts", nargs="+", metavar="PART", choices=PARTS)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="each in small")
    arguments = parser.parse_args()
    if not (arguments.before / "partoo_async").is_dir():
        parser.error(f"CHECKOUT: {arguments.before} has no partoo_async in it")
    with tempfile.TemporaryDirectory() as name:
        sides = [prepared(Path(name, side), at) for side, at in (("before", arguments.before), ("after", ROOT))]
        files: dict[Path, list[Path]] = {side: [] for side in sides}
        for number in range(arguments.turns):
            for side in sides if number % 2 == 0 else reversed(sides):
                path = Path(name, f"{side.name}-{number}.json")
                files[side].append(path)
                for part in arguments.parts:
                    words = [*command(part, quick=arguments.quick, path=path), "--rounds", "1"]
                    environment = {**os.environ, "PYTHONPATH": str(side)}
                    subprocess.run(words, cwd=side, env=environment, stdout=subprocess.DEVNULL, check=True)
                print(f"turn {number + 1} of {arguments.turns}: {side.name}", file=sys.stderr, flush=True)
        print_moved(*(joined(files[side]) for side in sides), everything=True)


if __name__ == "__main__":
    main()
