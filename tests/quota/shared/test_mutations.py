"""That the tests of the shared quota have teeth: with any of its rules taken out, a promise is broken."""

from __future__ import annotations

import pytest

from tests.support.fleet_mutations import MUTATIONS, after_a_long_stop, taken_out


def test_a_process_that_stood_still_finds_its_slots_gone() -> None:
    """They were given to others when its lease had ended, so that it has to ask anew."""
    assert not any(after_a_long_stop())


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_rule_is_needed(name: str) -> None:
    """Among a hundred cases of the failure that it is for, at least one breaks a promise without it."""
    with taken_out(name):
        assert any(MUTATIONS[name][1]())
