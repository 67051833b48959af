# What may happen to a few processes and a store, exhaustively: in no state that can be reached are there more requests
# in a window than the limit. Then the rules are taken out, one by one: for each there is a story that ends above it.
# Run by ``make model``.

from __future__ import annotations

import argparse
import sys
import time

from tests.support.fleet_model import MISSING, SCENARIOS, Model
from tests.support.fleet_mutations import taken_out


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=170_000, help="states of one exploration")
    most = parser.parse_args(arguments).most
    failed = False
    for scenario in SCENARIOS:
        start = time.process_time()
        outcome = Model(scenario.faults, processes=scenario.processes, extra=scenario.extra).explore(most)
        how = "all" if outcome.is_complete else "the first"
        seconds = time.process_time() - start
        print(f"{scenario.name}: {how} {outcome.states:,} states, {outcome.steps:,} steps, {seconds:.0f} s", flush=True)
        if outcome.story is not None:
            failed = True
            print("  more than the limit:", *outcome.story, sep="\n    ")
    for name, scenario in MISSING.items():
        with taken_out(name):
            outcome = Model(scenario.faults, processes=scenario.processes, extra=scenario.extra).explore(most)
        print(f"\nwithout a rule: {name} ({outcome.states:,} states)")
        if outcome.story is None:
            failed = True
            print("  nothing was found")
        else:
            print("", *outcome.story, sep="\n    ")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
