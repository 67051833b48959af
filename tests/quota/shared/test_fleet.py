"""The promise of a shared quota, in virtual time: whatever goes wrong, the server never sees more than the limit."""

from __future__ import annotations

import pytest

from tests.support.fleet_story import MODES, Story

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.parametrize("cases", [25, pytest.param(500, marks=pytest.mark.soak)])
@pytest.mark.parametrize("mode", MODES)
def test_no_failure_breaks_the_window(mode: str, cases: int) -> None:
    """Up to five processes scan and serve while messages are lost, processes die or stand still, and the store is away,
    is emptied, goes back to an older state or has another clock: never more than the limit in any window, and every
    call is served. A process that is cut off alone sends its fallback at most on top."""
    requests = 0
    for seed in range(cases):
        result = Story(mode, seed).run()
        assert not result.is_bad, f"{mode}, seed {seed}: {result}"
        requests += result.requests
    assert requests >= 30 * cases
