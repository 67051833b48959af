"""That the tests of the shared quota have teeth: with any of its rules taken out, a promise is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.fleet_model import MISSING
from tests.support.fleet_mutations import MUTATIONS, after_a_long_stop, taken_out

pytestmark = pytest.mark.usefixtures("uncounted")


def test_a_process_that_stood_still_finds_its_slots_gone() -> None:
    """They were given to others when its lease had ended, so that it has to ask anew."""
    assert not any(after_a_long_stop())


def test_every_rule_is_needed_for_random_cases_or_for_the_explorer() -> None:
    """None is there without a reason."""
    assert [name for name, (_, trial) in MUTATIONS.items() if trial is None and name not in MISSING] == []


@pytest.mark.parametrize(("name", "trial"), [(name, trial) for name, (_, trial) in MUTATIONS.items() if trial])
def test_without_a_rule_a_promise_breaks(name: str, trial: Callable[[], Iterator[bool]]) -> None:
    """In at least one of a hundred random cases of the failure that the rule is for."""
    with taken_out(name):
        assert any(trial())
