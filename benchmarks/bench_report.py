"""The figures of the benchmarks, and how they are printed: markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, quantiles
from typing import TypeAlias

Cell: TypeAlias = dict[str, list[float]]
"""The seconds of CPU per request of each client, round by round."""

LIBRARIES = (
    *("aiohttp", "attrs", "cattrs", "msgspec", "orjson", "tenacity", "uvloop"),
    *("httpx", "niquests", "pydantic", "openapi-python-client", "openapi-generator-cli"),
)


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(*cells: str) -> None:
    print()
    row(*cells)
    row("---", *("--:" for _ in cells[1:]))


def ratios(cell: Cell, client: str, base: str) -> list[float]:
    """Round by round: what happened to the machine between two rounds concerns neither."""
    return [ours / theirs for ours, theirs in zip(cell[client], cell[base], strict=True)]


def middle(values: list[float]) -> str:
    """The median, with the two values that the middle half of them lies between."""
    low, high = values[0], values[0]
    if len(values) > 1:
        low, _, high = quantiles(values, n=4, method="inclusive")
    digits = 1 if median(values) >= 10 else 2
    return f"**{median(values):.{digits}f}** ({low:.{digits}f}-{high:.{digits}f})"


def summary(cell: Cell, client: str, base: str) -> str:
    """For the base its microseconds per request, for another client how many times that."""
    if client == base:
        return f"{median(cell[base]) * 1e6:.0f} µs"
    return middle(ratios(cell, client, base))


def processor() -> str:
    """What Linux calls it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def versions() -> str:
    found = []
    for library in LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"no {library}")
    return ", ".join(found)


def commit() -> str:
    """Which state of this package was measured."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no git"
    return f"commit {done.stdout.strip()}"


def machine(server: str, *, pinned: bool) -> str:
    """What the figures were measured on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    pinning = "server and clients on a core each" if pinned else "server and clients not pinned to cores of their own"
    cores = f"{processor()}, {os.cpu_count()} cores"
    return f"{python} on {platform.system()}, {cores}; {pinning}; {server}. {versions()}. At {commit()}."
