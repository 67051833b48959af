"""The key: taken from the argument or the environment, checked, and shown nowhere."""

from __future__ import annotations

import copy
import enum
import html
import importlib
import inspect
import json
import pickle
import pkgutil
import traceback
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partoo_async
from partoo_async import PartooClient, PartooSession
from partoo_async._internal.secret import Secret, refuse_key_in_path, resolve_api_key
from partoo_async.errors import ConfigurationError
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "zq7Kp2mVx9Lr4Tn8"

# Every character that a header may hold; the prefix keeps a random key from being a word of a message.
printable = st.text([chr(code) for code in range(0x21, 0x7F)], min_size=4, max_size=200).map("zq7#".__add__)

BAD_KEYS = [
    pytest.param("", id="empty"),
    pytest.param("   ", id="blank"),
    pytest.param("\n", id="line break alone"),
    pytest.param(f"{KEY}\n{KEY}", id="line break inside"),
    pytest.param(f"{KEY}\r\nX-Evil: 1", id="header injection"),
    pytest.param(f"{KEY} {KEY}", id="space inside"),
    pytest.param(f"{KEY}\t{KEY}", id="tab inside"),
    pytest.param(f"{KEY}\x00", id="NUL"),
    pytest.param(f"{KEY}\x7f", id="delete"),
    pytest.param(f"{KEY}é", id="accent"),
    pytest.param(f"{KEY}\u200b", id="zero-width space"),
    pytest.param(f"{KEY}\ud800", id="lone surrogate"),
    pytest.param(KEY * 33, id="528 characters"),
    pytest.param(KEY.encode(), id="bytes"),
    pytest.param(7, id="int"),
    pytest.param(True, id="True"),
    pytest.param([KEY], id="list"),
    pytest.param({"key": KEY}, id="dict"),
]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTOO_API_KEY", raising=False)


@each(
    ("given_key", "key"),
    [
        pytest.param(KEY, KEY, id="as it is"),
        pytest.param(f" {KEY}\n", KEY, id="read from a file, line break and all"),
        pytest.param("x", "x", id="short"),
        pytest.param("!~" * 256, "!~" * 256, id="512 characters, the first and the last printable one"),
    ],
)
def test_accepted_keys(given_key: str, key: str) -> None:
    """White space around a key goes; what is left is the key."""
    assert Secret(given_key).reveal() == key


@each("value", BAD_KEYS)
def test_refused_keys(value: object) -> None:
    """What no header may hold is refused before anything is sent; the error names the argument and how to give one."""
    with pytest.raises(ConfigurationError, match=r"^api_key: ") as caught:
        Secret(value)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)


@each("value", BAD_KEYS)
def test_refused_keys_leave_no_trace(value: object) -> None:
    """A nearly right key is still a key: no frame of this package that a crash reporter would send holds it."""
    with pytest.raises(ConfigurationError) as caught:
        resolve_api_key(value)  # type: ignore[arg-type]
    home = partoo_async.__path__[0]
    stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    held = [f"{frame.name}: {frame.locals}" for frame in stack if frame.filename.startswith(home)]
    assert held
    assert not [text for text in held if KEY in text]


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "conversions": "{0!r} {0!s} {0!a}".format,
    "percent": lambda secret: "%s" % secret,  # noqa: UP031
    "in containers": lambda secret: repr([secret, {"key": secret}]),
    "in an error": lambda secret: repr(ConfigurationError(secret)),
    "dir": lambda secret: str(dir(secret)),
}


@given(key=printable)
def test_the_key_is_never_shown(key: str) -> None:
    """No way of turning a secret into text shows the key."""
    assert [name for name, show in SHOWN.items() if key in show(Secret(key))] == []


DUPLICATED: list[Callable[[Secret], object]] = [copy.copy, copy.deepcopy]
DUPLICATED += [partial(pickle.dumps, protocol=number) for number in range(pickle.HIGHEST_PROTOCOL + 1)]


@given(key=printable)
def test_the_key_is_never_pickled(key: str) -> None:
    """A pickle is a file: a secret refuses to be one, in words that hold no key."""
    for duplicate in DUPLICATED:
        with pytest.raises(TypeError) as caught:
            duplicate(Secret(key))
        assert key not in str(caught.value), duplicate


@given(key=printable, flaw=st.sampled_from([" ", "\n", "\r", "\t", "\x00", "é", "\u2028", "\ud800", "x" * 512]))
def test_no_error_text_holds_the_key(key: str, flaw: str) -> None:
    """Whatever is wrong with a key, the complaint does not quote it."""
    with pytest.raises(ConfigurationError) as caught:
        Secret(key + flaw + key)
    assert key not in str(caught.value)
    assert key not in repr(caught.value)


@given(key=printable, other=printable)
def test_fingerprints(key: str, other: str) -> None:
    """Clients of one key share its quota: equal keys have equal fingerprints, others do not, and none shows its key."""
    assert Secret(key).fingerprint == Secret(key).fingerprint
    assert (Secret(key).fingerprint == Secret(other).fingerprint) is (key == other)
    assert key not in Secret(key).fingerprint


def spelled(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(char)) for char in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON by numbers": spelled(r"\u{:04x}"),
    "JSON by numbers in capitals": spelled(r"\u{:04X}"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "the repr of a program": spelled(r"\x{:02x}"),
    "HTML": html.escape,
    "HTML by numbers": spelled("&#{};"),
    "HTML by hexadecimal numbers": spelled("&#x{:X};"),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "HTML in JSON": lambda text: json.dumps(html.escape(text))[1:-1],
    "a URL": lambda text: quote(text, safe=""),
    "a URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
}


@settings(max_examples=40)
@given(key=printable | st.text('\\%&/"a', min_size=4, max_size=40).map("zq7".__add__))
def test_a_key_that_a_server_quotes_is_hidden_however_it_is_spelled(key: str) -> None:
    """What a decoder of any kind would make the key of again becomes ``***``; what stands around it stays."""
    secret = Secret(key)
    hidden = {name: secret.redact(f"unknown key {spell(key)}, sorry".encode()) for name, spell in SPELLINGS.items()}
    assert hidden == dict.fromkeys(SPELLINGS, b"unknown key ***, sorry")


def test_what_is_no_key_is_left_as_it_is() -> None:
    """An error body without the key is not changed, whatever else it has escaped."""
    body = json.dumps({"errors": {"json": {"name": ['a "b" \\ \u00e9 &amp; %20', KEY[:-1], KEY.swapcase()]}}}).encode()
    assert Secret(KEY).redact(body) == body


def test_a_secret_has_no_dict() -> None:
    """What prints the attributes of objects finds none."""
    assert not hasattr(Secret(KEY), "__dict__")


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explicit argument, then ``PARTOO_API_KEY``, then an error."""
    monkeypatch.setenv("PARTOO_API_KEY", "from-environment")
    assert revealed(resolve_api_key(KEY)) == KEY
    assert revealed(resolve_api_key(None)) == "from-environment"


def test_no_key_at_all() -> None:
    """Without any key, the error says both ways to give one."""
    with pytest.raises(ConfigurationError, match=r"^api_key: .*api_key=.*PARTOO_API_KEY"):
        resolve_api_key(None)


@pytest.mark.parametrize("value", ["", "  ", f"{KEY} {KEY}"])
def test_a_bad_key_in_the_environment(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty or broken variable is an error that does not show it."""
    monkeypatch.setenv("PARTOO_API_KEY", value)
    with pytest.raises(ConfigurationError, match=r"^api_key: ") as caught:
        resolve_api_key(None)
    assert KEY not in str(caught.value)


def test_an_empty_argument_is_not_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty string is a mistake to be told of, not a request for another key."""
    monkeypatch.setenv("PARTOO_API_KEY", KEY)
    with pytest.raises(ConfigurationError, match=r"^api_key: "):
        resolve_api_key("")


def test_a_callable_is_kept() -> None:
    """An async callable is asked for the key when one is needed, not before."""

    async def fetch() -> str:
        raise AssertionError("not yet")

    assert resolve_api_key(fetch) is fetch


@pytest.mark.parametrize("make", [PartooClient, PartooSession])
@pytest.mark.parametrize(
    "wrong",
    [
        {"server": "ftp://x"},
        {"timeout": -1},
        {"max_concurrency": 0},
        {"on_event": 7},
        {"cache_ttl": "1"},
        {"quota": 7},
        {"trust_env": 1},
        {"ssl_context": False},
        {"proxy": "socks5://user:zq7-password@proxy.example"},
        {"proxy": b"http://user:zq7-password@proxy.example"},
        {"api_key": f"{KEY} {KEY}"},
    ],
    ids=repr,
)
def test_constructors_that_fail_show_no_secret(make: Callable[..., object], wrong: dict[str, object]) -> None:
    """Neither the key nor a proxy's password is in a frame that a crash reporter would send, whatever was wrong."""
    options = {"api_key": KEY, "proxy": "http://user:zq7-password@proxy.example"} | wrong
    with pytest.raises(ConfigurationError) as caught:
        make(**options)
    home = partoo_async.__path__[0]
    stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    held = [f"{frame.name}: {frame.locals}" for frame in stack if home in frame.filename or "attrs" in frame.filename]
    assert held
    assert not [text for text in [*held, str(caught.value)] if KEY in text or "zq7-password" in text]


def made_with_checks() -> list[type]:
    """Every class whose making can fail half way, or that has a repr of its own."""
    found = []
    for info in pkgutil.walk_packages(partoo_async.__path__, "partoo_async."):
        if info.name.endswith("__main__"):
            continue
        for cls in vars(importlib.import_module(info.name)).values():
            if not inspect.isclass(cls) or cls.__module__ != info.name or issubclass(cls, (enum.Enum, tuple)):
                continue
            checks = not attrs.has(cls) or hasattr(cls, "__attrs_post_init__")
            checks = checks or any(one.validator or one.converter for one in attrs.fields(cls))
            if checks and cls.__repr__ is not object.__repr__:
                found.append(cls)
    return found


@pytest.mark.parametrize("cls", made_with_checks(), ids=lambda cls: cls.__name__)
def test_what_is_half_made_has_a_repr(cls: type) -> None:
    """A traceback with local variables asks for it in the middle of a construction error, and must not fail then."""
    assert isinstance(repr(cls.__new__(cls)), str)


def revealed(secret: object) -> str:
    assert isinstance(secret, Secret)
    return secret.reveal()


def test_a_short_key_may_be_a_word_of_a_path() -> None:
    """A key of under 16 characters, such as that of a test, does not keep its word out of paths."""
    refuse_key_in_path(Secret("sections"), "/sections/7")
    with pytest.raises(ConfigurationError, match="path, params: hold the API key"):
        refuse_key_in_path(Secret("sections-of-1234"), "/sections-of-1234/7")
