"""How many machine instructions a call takes: a figure that no busy machine changes.

    python -m benchmarks.instructions               # compared with what benchmarks/instructions.json keeps
    python -m benchmarks.instructions --accept      # keeps what was counted now
    python -m benchmarks.instructions --unit bytecodes      # those of Python alone, where there is no valgrind

Valgrind counts what bare aiohttp, ``groups.get`` and the same with ``Telemetry`` but no SDK do outside of the kernel,
in one process, which is the server too: that is the same for all. The count of 2n calls less that of n calls is what
n calls take, without start and end. Two runs differ by 1 % at most. Compared is the ratio to bare aiohttp, since two
builds of one Python need different numbers of instructions for one code. A ratio that has grown by more than 3 % is
told as a warning, and is no failure: somebody has to say whether what the call got for it is worth that.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench_report import head, row
from benchmarks.bench_server import FixedServer, business_ids
from benchmarks.clients import CLIENTS
from benchmarks.telemetry import CLIENTS as TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

BASE, OURS = "textbook", ["partoo_get", "telemetry_api"]
NAMES = {client: f"partoo_async get, telemetry: {name}" for client, name in TELEMETRY.items()} | CLIENTS
KEPT = Path(__file__).with_suffix(".json")
GROWTH = 0.03

# One at a time: of several, how many responses an event-loop iteration finds depends on how busy the machine is.
_SIZE, _IN_FLIGHT = 50, 1
_WARM_UP = 200  # calls: Python specializes its bytecode, and connections earn trust
_CALLS = {"instructions": 200, "bytecodes": 50}


class Bytecodes:
    """Counts the bytecodes that Python runs, up to each mark."""

    def __init__(self) -> None:
        self.count = 0
        self.marks: list[int] = [0]

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.count += event == "opcode"
        return self._trace

    def mark(self) -> None:
        sys.settrace(None)
        self.marks.append(self.count)
        sys.settrace(self._trace)


async def make_calls(unit: str, clients: Sequence[str]) -> None:
    """Be counted: for each client warm up, mark, make n calls, mark, make 2n calls, mark."""
    loop, calls, bytecodes = asyncio.get_running_loop(), _CALLS[unit], Bytecodes()
    # Valgrind begins a new count whenever this function of the C library is called, which nothing else does.
    mark = os.getloadavg if unit == "instructions" else bytecodes.mark
    server = await loop.create_server(lambda: FixedServer({_SIZE: business_ids(_SIZE)}), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    for client in clients:
        async with importlib.import_module(f"benchmarks.clients.{client}").connect(url, _IN_FLIGHT) as run:
            await run(_SIZE, calls=_WARM_UP)
            gc.collect()
            mark()
            await run(_SIZE, calls=calls)
            mark()
            await run(_SIZE, calls=2 * calls)
            mark()
    sys.settrace(None)
    server.close()
    print(json.dumps(bytecodes.marks))


def count(unit: str, clients: Sequence[str]) -> dict[str, float]:
    """Return for each client how many of the unit one of its calls takes."""
    # A process of its own, in which all texts have the same hashes as ever.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "benchmarks.instructions", "--calls", "--unit", unit, *clients]
    with tempfile.TemporaryDirectory() as folder:
        if unit == "instructions":
            dumps = f"--callgrind-out-file={folder}/dump"
            command = ["valgrind", "--tool=callgrind", "--dump-before=getloadavg", dumps, *command]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise SystemExit(f"the calls were not counted:\n{done.stderr[-2000:]}")
        if unit == "instructions":
            counts = [_total(Path(folder, f"dump.{number}")) for number in range(1, 3 * len(clients) + 1)]
        else:
            counts = [after - before for before, after in itertools.pairwise(json.loads(done.stdout))]
    # Of each client: what came before, n calls, and 2n calls.
    return {
        client: (counts[3 * index + 2] - counts[3 * index + 1]) / _CALLS[unit] for index, client in enumerate(clients)
    }


def _total(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{dump.name} has no total: another format of valgrind's?")
    return int(found[1])


def compare(unit: str, found: dict[str, float], kept: dict[str, Any]) -> list[str]:
    """Return a warning for each client that takes more of the unit than it is known to."""
    version = ".".join(platform.python_version_tuple()[:2])
    before: dict[str, float] = kept.get(version, {}).get(unit, {})
    warnings = []
    head("client", f"{unit} a call", f"of those of {NAMES[BASE]}", "kept")
    for client, number in found.items():
        ratio, last = number / found[BASE], before.get(client)
        row(NAMES[client], f"{number:,.0f}", f"{ratio:.3f}", "-" if last is None else f"{last:.3f}")
        if last is not None and ratio > last * (1 + GROWTH):
            warnings.append(
                f"{NAMES[client]}: a call takes {ratio:.3f} times the {unit} of bare aiohttp, {ratio / last - 1:+.1%}"
                f" (Python {version}). If it is worth that: python -m benchmarks.instructions --accept --unit {unit}"
            )
    return warnings


def read_kept() -> dict[str, Any]:
    """Return the ratios that are kept, by version of Python, unit and client."""
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return kept


def accept(unit: str, found: dict[str, float]) -> None:
    """Keep what was counted, for this version of Python."""
    kept = read_kept()
    version = ".".join(platform.python_version_tuple()[:2])
    kept.setdefault(version, {})[unit] = {client: round(number / found[BASE], 4) for client, number in found.items()}
    KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"\nkept in {KEPT.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", nargs="*", metavar="client", help=f"compared with {BASE}; default: {' '.join(OURS)}")
    parser.add_argument("--unit", choices=_CALLS, help="default: instructions where there is valgrind")
    parser.add_argument("--accept", action="store_true", help="keep what is counted as the new measure")
    parser.add_argument("--calls", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unit = arguments.unit or ("instructions" if shutil.which("valgrind") else "bytecodes")
    if arguments.calls:
        asyncio.run(make_calls(unit, arguments.clients))
        return
    if arguments.unit is None and unit == "bytecodes":
        print("There is no valgrind here: counting bytecodes.")
    found = count(unit, list(dict.fromkeys([BASE, *(arguments.clients or OURS)])))
    for warning in compare(unit, found, read_kept()):
        print(f"\n{'::warning::' if 'GITHUB_ACTIONS' in os.environ else 'WARNING: '}{warning}")
    if arguments.accept:
        accept(unit, found)


if __name__ == "__main__":
    main()
