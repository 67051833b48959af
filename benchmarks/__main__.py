"""All parts of the benchmarks, one after the other: make bench.

    python -m benchmarks                           # everything on the page: an hour and a half
    python -m benchmarks --quick                   # each part in small: a minute or two
    python -m benchmarks bulk waiting              # only these
    python -m benchmarks --json build/figures.json # also keeps them, for benchmarks.compare

Each part is a process of its own, prints as it goes, and may be run alone: ``python -m benchmarks.bulk --help``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PARTS: dict[str, list[str]] = {
    "clients": ["benchmarks.bench"],
    "large": ["benchmarks.large"],
    "bulk": ["benchmarks.bulk"],
    "waiting": ["benchmarks.waiting"],
    "startup": ["benchmarks.startup"],
    "emulator": ["benchmarks.emulator"],
    "telemetry": ["benchmarks.telemetry"],
    "web": ["benchmarks.web_routes"],
}
"""Names, and the modules with their options."""


def command(part: str, *, quick: bool, path: Path | None) -> list[str]:
    """Return the command line of a part."""
    words = [sys.executable, "-m", *PARTS[part]]
    if part == "web" and not quick and shutil.which("wrk"):
        words.append("--wrk")
    return [*words, *(["--quick"] if quick else []), *([] if path is None else ["--json", str(path)])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="each in small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in a file, which is begun anew")
    arguments = parser.parse_args()
    if unknown := {*arguments.parts} - {*PARTS}:
        parser.error(f"PART: no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text("")
    failed = []
    for part in arguments.parts or PARTS:
        print(f"\n## {part}\n", flush=True)
        if subprocess.run(command(part, quick=arguments.quick, path=arguments.json), check=False).returncode:
            failed.append(part)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
