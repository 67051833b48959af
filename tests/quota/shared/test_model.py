"""The rules of the shared quota, explored: in no state that can be reached are there too many requests in a window.

``make model`` goes through more states, and prints the stories.
"""

from __future__ import annotations

import pytest

from tests.support.fleet_model import MISSING, SCENARIOS, Model, Scenario
from tests.support.fleet_mutations import taken_out

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("most", [4000, pytest.param(10**6, marks=pytest.mark.soak)])
def test_no_order_of_events_breaks_the_window(scenario: Scenario, most: int) -> None:
    """Every state that can be reached, or the first four thousand: at most three requests in a window of three."""
    outcome = Model(scenario.faults, processes=scenario.processes, extra=scenario.extra).explore(most)
    assert outcome.story is None
    assert outcome.is_complete or outcome.states > most


@pytest.mark.parametrize("name", MISSING)
def test_a_rule_that_is_missing_has_a_story(name: str) -> None:
    """The explorer finds the way to a fourth request in the window."""
    scenario = MISSING[name]
    with taken_out(name):
        outcome = Model(scenario.faults, processes=scenario.processes, extra=scenario.extra).explore(50_000)
    assert outcome.story is not None
    assert "sends" in outcome.story[-1]
