"""What it costs to begin: importing the package, a command, and three hundred clients in one process.

    python -m benchmarks.startup

Everything runs in processes of its own, whose CPU time counts, with the emulator in this one.
``python -m benchmarks.importtime`` says which module takes how long.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.figures import Figures, cpu_seconds, parser, ratios_of, turns
from partoo_async.emulator import Emulator

ROOT = Path(__file__).parents[1]
BARE = "pass"
LIBRARIES = "import aiohttp, attrs, cattrs, orjson"
OURS = "import partoo_async"
COMMAND = "from _partoo_async_command import main; main()"
CLIENTS = """
import asyncio, sys
from benchmarks.figures import cpu_seconds, peak_bytes
from partoo_async import PartooClient

async def main(url, count, used):
    before = cpu_seconds()
    clients = [PartooClient("emulator-key", server=url, rate_limit=None) for _ in range(count)]
    for client in clients:
        await client.__aenter__()
        if used:
            await client.groups.get(7, 42)
    print(peak_bytes() / 1e6, (cpu_seconds() - before) / count * 1e3)
    for client in clients:
        await client.aclose()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "used"))
"""


class Interpreter:
    """Runs Python where everything is compiled, except the first time, whatever the environment says of that."""

    def __init__(self, compiled: str, server: str) -> None:
        self._environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONPATH": f"{ROOT}{os.pathsep}{compiled}"}
        # The short way of --version asks for the metadata of what is installed, which a checkout is not.
        metadata = Path(compiled, "partoo_async-0.0.dist-info", "METADATA")
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: partoo-async\nVersion: 0.0\n", encoding="utf-8")
        self._environment |= {"PARTOO_API_KEY": "emulator-key", "PARTOO_SERVER": server}

    def run(self, code: str, *arguments: str) -> str:
        """Return what a process prints that runs this code."""
        words = [sys.executable, "-c", code, *arguments]
        return subprocess.run(words, env=self._environment, capture_output=True, text=True, check=True).stdout

    def cpu(self, code: str, *arguments: str) -> float:
        """Return the CPU time of such a process."""
        before = cpu_seconds(resource.RUSAGE_CHILDREN)
        self.run(code, *arguments)
        return cpu_seconds(resource.RUSAGE_CHILDREN) - before


def imports(python: Interpreter, figures: Figures, rounds: int) -> None:
    codes = (BARE, LIBRARIES, OURS)
    for code in codes:
        python.run(code)  # compiles
    found = turns({code: partial(python.cpu, code) for code in codes}, rounds)
    start = median(found[BARE])
    added = {code: [seconds - start for seconds in found[code]] for code in (LIBRARIES, OURS)}
    figures.add(LIBRARIES, [seconds * 1e3 for seconds in added[LIBRARIES]], "ms")
    figures.add(f"{OURS}, over that", ratios_of(added, OURS, LIBRARIES), "x", goal=1.1)


def commands(python: Interpreter, figures: Figures, rounds: int) -> None:
    for words, goal in ((("--version",), 0.15), (("group", "7", "42"), 0.4)):
        python.run(COMMAND, *words)
        seconds = [python.cpu(COMMAND, *words) for _ in range(rounds)]
        figures.add(f"partoo {' '.join(words)}", seconds, "s", goal=goal)


def clients(python: Interpreter, figures: Figures, rounds: int, url: str, count: int) -> None:
    for name, server, use in (("used over http", url, "used"), ("unused, https", "production", "unused")):
        results = [python.run(CLIENTS, server, str(count), use).split() for _ in range(rounds)]
        figures.add(f"{count} clients, {name}", [float(peak) for peak, _ in results], "MB", goal=100)
        figures.add(f"each of {count} clients, {name}", [float(cpu) for _, cpu in results], "ms of CPU")


async def main() -> None:
    arguments = parser(__doc__).parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 15)
    figures = Figures("startup", arguments.json)
    with tempfile.TemporaryDirectory() as compiled:
        async with Emulator(rate_limit=None) as emulator:
            python = Interpreter(compiled, emulator.url)
            # In a thread, so that the emulator can respond meanwhile.
            await asyncio.to_thread(imports, python, figures, 2 * rounds)  # a busy machine disturbs them by a tenth
            await asyncio.to_thread(commands, python, figures, rounds)
            count = 30 if arguments.quick else 300
            await asyncio.to_thread(clients, python, figures, 1 if arguments.quick else 3, emulator.url, count)


if __name__ == "__main__":
    asyncio.run(main())
