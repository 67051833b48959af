"""How long ``import partoo_async`` takes, over importing the libraries that it cannot do without.

    python -m benchmarks.importtime

Each import runs in an interpreter of its own, by turns: once measured by Python's own ``-X importtime``, and once by
the CPU time of the process, less that of a bare start, which a busy machine disturbs less. The goal is 1.1 at most.
Prints markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.bench_report import head, middle, row

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

LIBRARIES = "import aiohttp, attrs, cattrs, orjson"
OURS = "import partoo_async"

Times: TypeAlias = dict[str, int]
"""The microseconds of each module, without the modules that it loads in turn."""

_BEGIN = "what follows is measured"
_COMPILED = tempfile.TemporaryDirectory()
_LINE = re.compile(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", re.MULTILINE)


def run(*arguments: str) -> str:
    """Run Python where everything is compiled, except the first time, whatever the environment says of that."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = _COMPILED.name
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)
    return done.stderr


def times(statement: str) -> Times:
    # What the interpreter loads for its own start comes before the mark.
    code = f"import sys; print({_BEGIN!r}, file=sys.stderr, flush=True); {statement}"
    measured = run("-X", "importtime", "-c", code).partition(_BEGIN)[2]
    return {name: int(own) for own, name in _LINE.findall(measured)}


def cpu(statement: str) -> float:
    """The microseconds of CPU that a process takes which does only that."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run("-c", statement)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6


def total(rounds: list[Times]) -> list[float]:
    return [sum(measured.values()) for measured in rounds]


def compared(name: str, libraries: list[float], ours: list[float]) -> None:
    ratios = [mine / theirs for mine, theirs in zip(ours, libraries, strict=True)]
    row(name, f"{median(libraries) / 1000:.0f} ms", f"{median(ours) / 1000:.0f} ms", middle(ratios))


def costs(ours: list[Times], libraries: AbstractSet[str], lines: int) -> None:
    """What the package adds: its own modules, and those of others that the libraries alone do not load."""
    rounds: dict[str, list[int]] = defaultdict(list)
    for measured in ours:
        for name in measured.keys() - libraries:
            rounds[name].append(measured[name])
    medians = sorted(((median(values), name) for name, values in rounds.items()), reverse=True)
    own = [cost for cost, name in medians if name.startswith("partoo_async")]
    others = len(medians) - len(own)
    print(f"\nIt adds {len(own)} modules of its own, {sum(own) / 1000:.0f} ms, and {others} others:")
    head("module", "ms")
    for cost, name in medians[:lines]:
        row(name, f"{cost / 1000:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--lines", type=int, default=15, help="how many modules are listed")
    arguments = parser.parse_args()
    times(LIBRARIES)
    times(OURS)
    ours, libraries, bare, ours_cpu, libraries_cpu = [], [], [], [], []
    for _ in range(arguments.rounds):
        ours.append(times(OURS))
        libraries.append(times(LIBRARIES))
        bare.append(cpu("pass"))
        ours_cpu.append(cpu(OURS))
        libraries_cpu.append(cpu(LIBRARIES))
    print(f"CPython {platform.python_version()}, {arguments.rounds} rounds")
    head("measured by", LIBRARIES, OURS, "ratio")
    compared("`-X importtime`", total(libraries), total(ours))
    start = median(bare)
    compared("CPU time", [each - start for each in libraries_cpu], [each - start for each in ours_cpu])
    costs(ours, libraries[0].keys(), arguments.lines)


if __name__ == "__main__":
    main()
