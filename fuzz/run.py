# Coverage-guided fuzzing of one target, with atheris: python -m fuzz.run group -max_total_time=60
# What it finds on its way stays in fuzz/found/<target> (not in the repository), beside the small corpus given here.
from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["partoo_async", "fuzz.targets", "email"]):
    from fuzz.targets import TARGETS

HERE = Path(__file__).parent


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"usage: python -m fuzz.run TARGET [options of libFuzzer]; targets: {', '.join(TARGETS)}")
    logging.disable()  # drift is logged
    found = HERE / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    folders = [str(found), str(HERE / "corpus" / name)]
    atheris.Setup([sys.argv[0], f"-artifact_prefix={found}/", *sys.argv[2:], *folders], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
