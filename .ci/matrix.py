"""Runs the suite on each Python of this machine, with the newest and the lowest dependencies: make matrix.

    python .ci/matrix.py [--python 3.12] [--resolution lowest] [-- ARGUMENTS OF PYTEST]

One line a run; all of its output is in build/matrix/. A supported Python that is not here is said, and is no failure. A
newer one runs with the newest dependencies only: releases as old as the lower bounds do not know it.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEXT = "3.14"
"""Tried where there is one, though not supported yet."""


def supported() -> list[str]:
    """Return the versions that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one) for one in project["classifiers"])
    return [found[1] for found in versions if found]


def candidates(version: str) -> list[str]:
    """Return where a Python of that version may be: on the PATH, or one that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    kept = sorted(
        pyenv.glob(f"{version}.*/bin/python"), key=lambda path: [*map(int, re.findall(r"\d+", path.parts[-3]))]
    )
    found = shutil.which(f"python{version}")
    return [*([found] if found else []), *map(str, reversed(kept))]


def find(version: str) -> str | None:
    """Return a Python of that version that starts, or None."""
    for python in candidates(version):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.stdout.strip() == version:
            return python
    return None


def plan(versions: list[str], resolutions: list[str]) -> list[tuple[str, str]]:
    """Return the runs, each a version and a resolution."""
    return [
        (version, resolution)
        for version in versions
        for resolution in resolutions
        if version != NEXT or resolution == "newest"
    ]


def outcome(output: str) -> str:
    """Return pytest's last line, such as "3 failed, 4000 passed in 300.00s", else the last one of all."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip(" =") for line in output.splitlines()]
    counted = [line for line in lines if re.search(r"\d+ (passed|failed|error)", line) and " in " in line]
    return (counted or [line for line in lines if line] or ["no output"])[-1]


def run(python: str, version: str, resolution: str, pytest: list[str]) -> bool:
    """Run the suite once, and print how it ended."""
    log = ROOT / "build" / "matrix" / f"{version}-{resolution}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["make", "test", f"PYTHON={python}", f"RESOLUTION={resolution}"]
    words += [f"ARGS={shlex.join(pytest)}"] if pytest else []
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, check=False)  # noqa: S603 - ours
    text = outcome(log.read_text("utf-8", errors="replace"))
    word = "ok" if done.returncode == 0 else "FAILED"
    sys.stdout.write(f"{version} {resolution}: {word} after {time.monotonic() - started:.0f} s: {text}\n")
    sys.stdout.flush()
    return done.returncode == 0


def main() -> int:
    """Run what the command line asks for; return 1 if a run failed."""
    parser = argparse.ArgumentParser(description="Run the suite on each Python that is here.")
    parser.add_argument("--python", action="append", metavar="3.N", help="Only this one; may be repeated.")
    parser.add_argument("--resolution", action="append", choices=("newest", "lowest"), help="Only this one.")
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="For pytest, behind --: a part of the suite.")
    options = parser.parse_args()
    good = True
    for version, resolution in plan(options.python or [*supported(), NEXT], options.resolution or ["newest", "lowest"]):
        python = find(version)
        if python is None:
            sys.stdout.write(f"{version} {resolution}: not run, there is no Python {version} here\n")
            continue
        good &= run(python, version, resolution, options.pytest)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
