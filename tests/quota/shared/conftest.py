"""Fixtures for the tests of shared quotas."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def uncounted() -> Iterator[None]:
    """Lines that run a million times, and have tests of their own, are not counted: it would treble the time."""
    # Not pytest-cov's mark `no_cover`: in a process of pytest-xdist counting goes on behind it.
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)
