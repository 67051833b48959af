# What becomes of the promises of a shared quota if one of its rules is taken out: cases that break one, by what goes
# wrong in them. Run by ``make mutations``.

from __future__ import annotations

import argparse
import logging
import sys

from tests.support.fleet_mutations import MUTATIONS, taken_out
from tests.support.fleet_story import MODES, Story


def row(name: str, cases: int) -> str:
    bad = (sum(Story(mode, seed).run().is_bad for seed in range(cases)) for mode in MODES)
    return f"| {name} | {' | '.join(map(str, bad))} |"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=60, help="of each mode")
    cases = parser.parse_args(arguments).cases
    logging.getLogger("partoo_async").setLevel(logging.CRITICAL)
    print(f"| {cases} cases of each | {' | '.join(MODES)} |")
    print(f"|---|{'---|' * len(MODES)}")
    print(row("all rules", cases), flush=True)
    for name in MUTATIONS:
        with taken_out(name):
            print(row(name, cases), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
