"""Each rule of the shared quota taken out: what the property of ``test_fleet`` makes of it.

``python -m tests.quota.shared.mutations`` prints the table: cases that break a promise, of each mode.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from partoo_async.quota.shared import member, messages, rules
from partoo_async.quota.shared.member import Member
from partoo_async.quota.shared.sent import Sent
from tests.support import fleet
from tests.support.fleet_story import MODES, Story

Mutation = Callable[[pytest.MonkeyPatch], None]


def _before_exchange(change: Callable[[Any, Any, Any], Any]) -> Mutation:
    """Let the store work on other data: state, report and terms."""
    original = rules.exchange

    def exchange(state: Any, report: Any, terms: Any, now: int) -> Any:
        return original(*change(state, report, terms), now)

    return lambda patch: patch.setattr(rules, "exchange", exchange)


def _no_settling() -> Mutation:
    return _before_exchange(lambda state, report, terms: (state, report, terms._replace(settle=0)))


def _no_versions() -> Mutation:
    return _before_exchange(lambda state, report, terms: (state, report._replace(seen=0), terms))


def _no_numbers(state: Any, report: Any, terms: Any) -> Any:
    if state is not None and report.owner in state["owners"]:
        state["owners"][report.owner]["n"] = 0
    return state, report, terms


def _not_alone(state: Any, report: Any, terms: Any) -> Any:
    return state, report._replace(alone=False), terms


def _no_burial(state: Any, report: Any, terms: Any) -> Any:
    if state is not None:
        for name, owner in list(state["owners"].items()):
            if owner["expires"] <= state["last"] and name != report.owner:
                del state["owners"][name]
    return state, report, terms


def _no_cooling(state: Any, report: Any, terms: Any) -> Any:
    return state, report._replace(cooling=()), terms


def _endless_leases(patch: pytest.MonkeyPatch) -> None:
    about_to_ask = Member._about_to_ask

    def longer(self: Member, report: Any, now: float, awake: float) -> Any:
        return about_to_ask(self, report, now, awake + 1000.0)

    patch.setattr(Member, "_about_to_ask", longer)


def _unsent_at_once(patch: pytest.MonkeyPatch) -> None:
    release = Sent.release

    def early(self: Sent, now: float, *, sent: bool, answered: bool, late: float) -> None:
        release(self, now - self.hold if sent else now, sent=sent, answered=answered, late=0.0)

    patch.setattr(Sent, "release", early)


# What is taken out, and a mode in which that shows.
MUTATIONS: dict[str, tuple[Mutation, str]] = {
    "no settling": (_no_settling(), "flush"),
    "versions are not compared": (_no_versions(), "stale"),
    "silence means nothing": (lambda patch: patch.setattr(rules, "_SILENT", 10**9), "step"),
    "others are forgotten that went on alone": (_before_exchange(_not_alone), "outage"),
    "late exchanges count": (_before_exchange(_no_numbers), "loss"),
    "the dead take their slots along": (_before_exchange(_no_burial), "crash"),
    "nothing cools": (_before_exchange(_no_cooling), "none"),
    "leases do not end": (_endless_leases, "freeze"),
    "growth is not careful": (
        lambda patch: patch.setattr(Member, "_most_alone", lambda self, _: self.terms.fallback),
        "outage",
    ),
    "cut off after one failure": (lambda patch: patch.setattr(member, "_LOST_AFTER", 1), "loss"),
    "slots are free at the response": (_unsent_at_once, "none"),
}


@contextmanager
def taken_out(name: str) -> Iterator[None]:
    """Run without a rule."""
    with pytest.MonkeyPatch.context() as patch:
        MUTATIONS[name][0](patch)
        yield


def count(mode: str, seeds: range) -> int:
    return sum(Story(mode, seed).run().is_bad for seed in seeds)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=25)
    cases = parser.parse_args(arguments).cases
    logging.getLogger("partoo_async").setLevel(logging.CRITICAL)
    print(f"| {cases} cases of each | {' | '.join(MODES)} |")
    print(f"|---|{'---|' * len(MODES)}")
    print(f"| all rules | {' | '.join(str(count(mode, range(cases))) for mode in MODES)} |", flush=True)
    for name in MUTATIONS:
        with taken_out(name):
            print(f"| {name} | {' | '.join(str(count(mode, range(cases))) for mode in MODES)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
