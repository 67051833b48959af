"""The options of a client, checked when they are given and when they are changed."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from partoo_async import SANDBOX, ConfigurationError, RateLimit, RetryPolicy
from partoo_async._call.changes import Changes
from partoo_async._call.settings import Settings
from partoo_async._internal.secret import Secret
from tests.support.each import each


def make(**changes: Any) -> Settings:
    options: dict[str, Any] = {
        "api_key": "key",
        "server": "sandbox",
        "timeout": 90,
        "attempt_timeout": 15.0,
        "retry": RetryPolicy(),
        "rate_limit": RateLimit(),
        "max_concurrency": 32,
        "on_event": None,
        "strict": False,
    }
    return Settings.resolve(**(options | changes))


@each(
    ("option", "value", "text"),
    [
        ("timeout", 0, "a finite number of seconds above 0, not 0"),
        ("attempt_timeout", "15", "a number of seconds above 0, not str"),
        ("retry", None, "RetryPolicy, not NoneType"),
        ("rate_limit", 300, "RateLimit or None, not int"),
        ("max_concurrency", 0, "at least 1, not 0"),
        ("max_concurrency", 1.5, "an int of at least 1, not float"),
        ("on_event", "print", "a callable or None, not str"),
        ("strict", 1, "True or False, not 1"),
        ("cache_ttl", -1, "a finite number of seconds above 0, not -1"),
    ],
)
def test_a_bad_option_is_named(option: str, value: Any, text: str) -> None:
    """The error names the option, what is expected and what was given, when it is given and when it is changed."""
    for resolve in (make, make().change):
        with pytest.raises(ConfigurationError) as caught:
            resolve(**{option: value})
        assert str(caught.value) == f"{option}: expected {text}"


@each(
    ("option", "value", "kept"),
    [
        ("server", "sandbox", SANDBOX),
        ("rate_limit", None, None),
        ("cache_ttl", None, None),
        ("cache_ttl", 60, 60),
        ("max_concurrency", 1, 1),
        ("on_event", print, print),
    ],
)
def test_a_good_option_is_kept(option: str, value: Any, kept: Any) -> None:
    """As it was given; a server's name becomes the server."""
    assert getattr(make(**{option: value}), option) == kept
    assert getattr(make().change(**{option: value}), option) == kept


def test_a_change_leaves_the_rest() -> None:
    """The original stays as it was, and the copy differs in what was changed."""
    before = make()
    after = before.change(timeout=5.0, api_key="other")
    assert (before.timeout, after.timeout) == (90, 5.0)
    assert isinstance(after.api_key, Secret)
    assert after.api_key.reveal() == "other"
    assert attrs.evolve(after, timeout=90, api_key=before.api_key) == before


@each("option", ["session", "proxy", "trust_env", "ssl_context", "transport", "quota", "timeuot"])
def test_what_cannot_change_is_refused(option: str) -> None:
    """Options of connections are fixed for a client's life, and a slip of the pen is no option."""
    with pytest.raises(ConfigurationError, match=rf"^{option}: with_options\(\) cannot change it; it takes api_key, "):
        make().change(**{option: None})


def test_each_option_that_can_change_is_a_keyword() -> None:
    """``with_options`` spells its keywords for editors: all that it takes, and no other."""
    assert list(Changes.__annotations__) == [option.name for option in attrs.fields(Settings)]
