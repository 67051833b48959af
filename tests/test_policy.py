"""The policies: documented defaults, and every value that makes no sense refused by name."""

from __future__ import annotations

import enum
import math
import pickle
from typing import Any

import attrs
import pytest

from partoo_async.errors import ConfigurationError
from partoo_async.policy import Priority, RateLimit, RetryPolicy
from partoo_async.quota import Quota
from tests.support.each import each

HUGE = 10**400  # more than a float holds

NO_NUMBER = [
    pytest.param(None, id="None"),
    pytest.param(True, id="True"),
    pytest.param("60", id="text"),
    pytest.param(b"60", id="bytes"),
    pytest.param([60], id="list"),
    pytest.param(1j, id="complex"),
]
NOT_FINITE = [
    pytest.param(math.nan, id="nan"),
    pytest.param(math.inf, id="inf"),
    pytest.param(-math.inf, id="-inf"),
    pytest.param(HUGE, id="more than a float holds"),
    pytest.param(-HUGE, id="less than a float holds"),
]
NEGATIVE = [
    pytest.param(-1, id="-1"),
    pytest.param(-0.001, id="-0.001"),
]


class Pacing(enum.StrEnum):
    """The settings of an application may have an enum of strings."""

    SMOOTH = "smooth"


def test_an_enum_of_strings_is_a_string() -> None:
    """A setting that is one of several words may come from an enum of strings."""
    policy = RateLimit(pacing=Pacing.SMOOTH)
    assert policy == RateLimit(pacing="smooth")
    assert Quota(policy).snapshot().spaced


def test_defaults() -> None:
    """The defaults are those that the documentation of the package and the API's rate limits page state."""
    assert attrs.astuple(RetryPolicy()) == (4, 0.5, 20.0)
    assert attrs.astuple(RateLimit()) == (300, 60.0, 0.1, "burst", 1.0)
    assert [priority.name for priority in Priority] == ["INTERACTIVE", "BULK"]


@each("policy", [RetryPolicy(), RateLimit()])
def test_policies_are_values(policy: Any) -> None:
    """A policy is frozen, compares by value, hashes and pickles: two clients may share one."""
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(policy) == hash(type(policy)())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(policy, attrs.fields(type(policy))[0].name, 1)


@each(
    ("cls", "changes"),
    [
        pytest.param(RetryPolicy, {"max_retries": 0}, id="no retries"),
        pytest.param(RetryPolicy, {"max_retries": 100}, id="many retries"),
        pytest.param(RetryPolicy, {"initial_backoff": 0, "max_backoff": 0}, id="no backoff"),
        pytest.param(RateLimit, {"requests": 1}, id="one request"),
        pytest.param(RateLimit, {"per": 0.001}, id="short window"),
        pytest.param(RateLimit, {"per": 3600}, id="int seconds"),
        pytest.param(RateLimit, {"reserve": 0}, id="no reserve"),
        pytest.param(RateLimit, {"reserve": 0.99}, id="nearly all reserved"),
        pytest.param(RateLimit, {"pacing": "smooth"}, id="smooth"),
        pytest.param(RateLimit, {"share": 1}, id="whole share"),
        pytest.param(RateLimit, {"share": 0.01}, id="small share"),
    ],
)
def test_accepted(cls: type, changes: dict[str, Any]) -> None:
    """The edges of every range belong to it."""
    policy = cls(**changes)
    assert {name: getattr(policy, name) for name in changes} == changes


@each("value", [*NO_NUMBER, *NOT_FINITE, *NEGATIVE])
@each(
    ("cls", "name"),
    [
        pytest.param(RetryPolicy, "initial_backoff", id="initial_backoff"),
        pytest.param(RetryPolicy, "max_backoff", id="max_backoff"),
        pytest.param(RateLimit, "per", id="per"),
        pytest.param(RateLimit, "reserve", id="reserve"),
        pytest.param(RateLimit, "share", id="share"),
    ],
)
def test_refused_numbers(cls: type, name: str, value: object) -> None:
    """No field takes NaN, an infinity, a negative number or another type; the error names the field."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: "):
        cls(**{name: value})


@each(
    "value",
    [
        *NO_NUMBER,
        pytest.param(1.0, id="float"),
        pytest.param(math.nan, id="nan"),
        pytest.param(-1, id="-1"),
        pytest.param(-(10**5000), id="more digits than Python prints"),
    ],
)
@each(
    ("cls", "name"),
    [pytest.param(RetryPolicy, "max_retries", id="max_retries"), pytest.param(RateLimit, "requests", id="requests")],
)
def test_refused_counts(cls: type, name: str, value: object) -> None:
    """A count is an int of at least zero, or one; the error names the field."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: "):
        cls(**{name: value})


@each(
    ("name", "value"),
    [
        pytest.param("requests", 0, id="no request ever"),
        pytest.param("per", 0, id="no window"),
        pytest.param("reserve", 1, id="all reserved"),
        pytest.param("reserve", 1.5, id="more than all reserved"),
        pytest.param("share", 0, id="no share"),
        pytest.param("share", 1.01, id="more than the whole"),
        pytest.param("share", 0.003, id="0.9 requests are none"),
        pytest.param("pacing", "bursty", id="unknown pacing"),
        pytest.param("pacing", None, id="no pacing"),
        pytest.param("pacing", ["burst"], id="pacing in a list"),
    ],
)
def test_refused_limits(name: str, value: object) -> None:
    """A limit under which nothing could ever be sent, or which is more than the whole, is refused by name."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: "):
        RateLimit(**{name: value})  # type: ignore[arg-type]


@each(
    ("requests", "share", "slots"),
    [
        pytest.param(300, 1.0, 300, id="all"),
        pytest.param(300, 0.5, 150, id="half"),
        pytest.param(300, 0.25, 75, id="quarter"),
        pytest.param(300, 1 / 3, 100, id="third"),
        pytest.param(300, 1 / 7, 42, id="42.86 is 42"),
        pytest.param(100, 0.29, 29, id="29, though the floats multiply to 28.999..."),
        pytest.param(10, 0.19, 1, id="1.9 is 1"),
        pytest.param(1, 1, 1, id="one"),
    ],
)
def test_slots(requests: int, share: float, slots: int) -> None:
    """A share rounds down, so that the processes together never exceed the quota; rounding errors cost no slot."""
    assert RateLimit(requests, share=share).slots == slots


def test_a_huge_quota_is_no_surprise() -> None:
    """A quota too large for a float, as "no limit" may be written, is refused by name, not by an arithmetic error."""
    with pytest.raises(ConfigurationError, match=r"^requests: "):
        RateLimit(HUGE)
