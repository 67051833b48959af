"""Collections of garbage are part of these tests; what lives already is left out of them, or each would take long.

For each module anew: between two of them a worker may run others, and import what those need.
"""

from __future__ import annotations

import gc

import pytest

from partoo_async._transport import fast_path_guard


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["short", "long"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test on both ways that a request can take; see ``partoo_async._transport.fast_path``."""
    if request.param == "long":
        monkeypatch.setattr(fast_path_guard, "_ORIGINAL_METHODS", ())
    return str(request.param)
