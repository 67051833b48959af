"""When rounds begin: at whole multiples of the time from the first on, never two at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import ConfigurationError
from partoo_async.nightly.rounds import next_round, seconds_of
from tests.support.each import each


@each(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("1.5h", 5400),
        ("1d", 86400),
        (" 2h ", 7200),
        ("366d", 31622400),
    ],
)
def test_times_with_a_unit(text: str, seconds: float) -> None:
    """A number and s, m, h or d."""
    assert seconds_of(text) == seconds


@each(
    "text",
    [
        "",
        "1",
        "h",
        "1 h",
        "-1h",
        "0s",
        "0.5s",
        "1w",
        "1h30m",
        "367d",
        "nan",
        "infs",
        "1e3s",
        "\u0661h",
        "9" * 400 + "s",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """No unit, a sign, less than a second, more than a year: an error that shows the text and examples."""
    with pytest.raises(ConfigurationError, match=r"^every: expected a time such as 30s, 5m, 1h or 1d"):
        seconds_of(text)


@each(
    ("now", "begins"),
    [(1000.0, 1060.0), (1000.5, 1060.0), (1059.9, 1060.0), (1060.0, 1060.0), (1060.1, 1120.0), (1301.0, 1360.0)],
)
def test_rounds_keep_to_their_grid(now: float, begins: float) -> None:
    """A round that took longer than a minute leaves out those that it took the time of."""
    assert next_round(1000.0, 60.0, now) == begins


@given(st.floats(0, 1e9), st.floats(1, 1e7), st.floats(0, 1e7))
def test_the_next_round_is_never_past(began: float, every: float, took: float) -> None:
    """It begins within the time of one round from now, whatever the numbers."""
    begins = next_round(began, every, began + took)
    slack = 1e-6 * (began + every + took)
    assert began + took - slack <= begins <= began + took + every + slack
    assert begins >= began + every - slack
