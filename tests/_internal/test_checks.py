"""Every check of an argument: what passes and what comes back, what is refused and in which words."""

from __future__ import annotations

import enum
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, frozen
from attrs.validators import optional

from partoo_async._internal.checks import (
    check_business_ids,
    check_callback,
    check_choice,
    check_count,
    check_file,
    check_flag,
    check_fraction,
    check_id,
    check_ids,
    check_kind,
    check_name,
    check_seconds,
    check_text,
    valid,
)
from partoo_async.errors import ConfigurationError
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

HUGE = 10**400  # more than a float holds
LONG = "a number of more than 39 digits"


class Index:
    """An int of another library, such as numpy's."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Place(int, enum.Enum):
    """An int with a name, which prints as its name."""

    SEVEN = 7


class Colour(str, enum.Enum):  # noqa: UP042 - the kind that prints its name
    """A text with a name, which prints as its name."""

    RED = "red"


async def coroutine() -> None:
    """Something that nobody would await."""


BAD_IDS = [
    *(
        pytest.param(value, id=repr(value))
        for value in (-1, True, False, 1.5, 7.0, None, 2**63, -(2**63), math.nan, math.inf)
    ),
    *(
        pytest.param(value, id=ascii(value))
        for value in ("7/../9", "", " ", " 7", "7 ", "7\n", "-1", "+7", "7.0", "1e3")
    ),
    *(
        pytest.param(value, id=ascii(value))
        for value in ("0x7", "7_0", "7;", "7?", "7#", "%37", "..", "abc", "9223372036854775808")
    ),
    pytest.param("\u0661", id="Arabic digit"),
    pytest.param("\uff17", id="full-width digit"),
    pytest.param("\u00b2", id="superscript"),
    pytest.param("7\u200b", id="zero-width space"),
    pytest.param("9" * 5000, id="5,000 digits in a string"),
    pytest.param(10**5000, id="5,000 digits in an int"),
    pytest.param(-(10**5000), id="5,000 digits below zero"),
    pytest.param(b"7", id="bytes"),
    pytest.param([7], id="list"),
    pytest.param((7,), id="tuple"),
    pytest.param({7: 7}, id="dict"),
    pytest.param(7 + 0j, id="complex"),
    pytest.param(Index(-1), id="below zero in another library"),
    pytest.param(Index(2**63), id="too large in another library"),
    pytest.param(object(), id="object"),
]


PASSES = [
    (check_seconds, {}, 90, 90.0),
    (check_seconds, {}, 0.001, 0.001),
    (check_seconds, {}, 1e9, 1e9),
    (check_seconds, {}, Index(3), 3.0),
    (check_seconds, {"zero": True}, 0, 0.0),
    (check_count, {"least": 0}, 0, 0),
    (check_count, {"least": 1}, 1, 1),
    (check_count, {"least": 1}, HUGE, HUGE),
    (check_count, {"least": 1}, Index(3), 3),
    (check_fraction, {}, 0, 0.0),
    (check_fraction, {}, 1, 1.0),
    (check_fraction, {"zero": False, "one": False}, 0.5, 0.5),
    (check_flag, {}, False, False),
    (check_choice, {"choices": (True, 404, "a")}, 404, 404),
    (check_choice, {"choices": (404, "red")}, Colour.RED, "red"),
    (check_callback, {}, None, None),
    (check_callback, {}, print, print),
    (check_file, {}, "scan.db", Path("scan.db")),
    (check_file, {}, Path("scan.db"), Path("scan.db")),
    (check_id, {}, 0, 0),
    (check_id, {}, 2**63 - 1, 2**63 - 1),
    (check_id, {}, "007", 7),
    (check_id, {}, Place.SEVEN, 7),
    (check_id, {}, Index(7), 7),
    (check_ids, {}, 7, (7,)),
    (check_ids, {}, "7", (7,)),
    (check_ids, {}, iter([9, "7", 9]), (9, 7)),
    (check_text, {}, "", ""),
    (check_text, {}, Colour.RED, "red"),
    (check_name, {}, " a.b:c|d\\e ", " a.b:c|d\\e "),
    (check_business_ids, {}, iter(["b", "a"]), ["b", "a"]),
]


@each(("check", "options", "value", "result"), PASSES)
def test_accepted(check: Callable[..., object], options: dict[str, Any], value: object, result: object) -> None:
    """A check returns the value in its plain type; the ends of a range belong to it."""
    found = check("argument", value, **options)
    assert found == result
    assert type(found) is type(result)


def test_an_instance_is_returned_itself() -> None:
    """A check of a class returns the very object."""
    value = object()
    assert check_kind("argument", value, str, object) is value


REFUSED = [
    *((check_seconds, {}, value, "a number of seconds above 0, not") for value in (None, True, "60", b"60", [60], 1j)),
    *(
        (check_seconds, {}, value, f"a finite number of seconds above 0, not {value}")
        for value in (0, 0.0, -1, -0.001, math.nan, math.inf, -math.inf)
    ),
    *((check_seconds, {}, value, f"a finite number of seconds above 0, not {LONG}") for value in (HUGE, -HUGE)),
    *(
        (check_seconds, {"zero": True}, value, f"a finite number of seconds at least 0, not {value}")
        for value in (-1, -0.001, math.nan, math.inf)
    ),
    (check_seconds, {"zero": True}, "0", "a number of seconds at least 0, not str"),
    *((check_count, {"least": 1}, value, "an int of at least 1, not") for value in (None, True, "60", b"6", [6], 2.0)),
    *((check_count, {"least": 1}, value, f"at least 1, not {value}") for value in (0, -1)),
    (check_count, {"least": 1}, -HUGE, f"at least 1, not {LONG}"),
    *(
        (check_fraction, {}, value, f"a fraction of at least 0 and at most 1, not {value}")
        for value in (-0.1, 1.1, 2, math.nan, math.inf, True)
    ),
    (check_fraction, {}, "half", "a fraction of at least 0 and at most 1, not str"),
    (check_fraction, {}, HUGE, f"a fraction of at least 0 and at most 1, not {LONG}"),
    (check_fraction, {"zero": False}, 0, "a fraction above 0 and at most 1, not 0"),
    (check_fraction, {"one": False}, 1.0, "a fraction of at least 0 and below 1, not 1.0"),
    (check_flag, {}, 1, "True or False, not 1"),
    (check_flag, {}, None, "True or False, not NoneType"),
    (check_choice, {"choices": (True, False)}, 1, "True or False, not 1"),
    (check_choice, {"choices": (404, 403)}, 404.0, "404 or 403, not 404.0"),
    (check_choice, {"choices": ("a", "b")}, "c", "'a' or 'b', not 'c'"),
    (check_choice, {"choices": ("a", "b")}, ["a"], "'a' or 'b', not list"),
    (check_callback, {}, 7, "a callable or None, not int"),
    (check_callback, {}, Path, "an object, not its class; write Path()"),
    (check_callback, {}, coroutine, "a plain callable; nobody would await"),
    (check_file, {}, 7, "the path of a file, not int"),
    (check_file, {}, b"scan.db", "the path of a file, not bytes"),
    (check_file, {}, "", "the path of a file, not an empty one"),
    (check_file, {"expected": "a report"}, None, "a report, not NoneType"),
    (check_file, {}, "a\0b", "a name that a file can have, not 'a\\x00b'"),
    (check_file, {}, "\ud800", "a name that a file can have, not '\\ud800'"),
    (check_ids, {}, None, "an id or an iterable of ids, not NoneType"),
    (check_ids, {}, [], "at least one id"),
    (check_ids, {}, [7, True], "an int, or a string of digits, not True"),
    (check_ids, {}, "7,9", "an int, or a string of digits, not a string with other characters"),
    (check_text, {}, 7, "a string, not int"),
    (check_name, {}, b"France", "a string, not bytes"),
    *((check_name, {}, name, "a name, not an empty string") for name in ("", " ", "\n\t")),
    *((check_business_ids, {}, value, "an iterable of strings, not") for value in ("5409", "", b"abc", None, 7, True)),
    *(
        (check_business_ids, {}, value, "non-empty strings; item 0 is")
        for value in ([7], [None], [True], [""], [b"a"], [["a"]], range(3), bytearray(b"abc"))
    ),
]


@each("value", BAD_IDS)
def test_refused_ids(value: object) -> None:
    """An id is an int that fits 63 bits, or a string of ASCII digits; the error names the argument."""
    with pytest.raises(ConfigurationError, match=r"^section_id: expected an i"):
        check_id("section_id", value)


@each(("check", "options", "value", "message"), REFUSED)
def test_refused(check: Callable[..., object], options: dict[str, Any], value: object, message: str) -> None:
    """A refusal names the argument, says what was expected, and shows a number, or else the type, that came."""
    with pytest.raises(ConfigurationError) as caught:
        check("argument", value, **options)
    assert str(caught.value).startswith(f"argument: expected {message}")


@each("name", ["a,b", "a;b", "a/b", ",", ";", "/"])
def test_characters_that_the_api_forbids(name: str) -> None:
    """A name with a comma, a semicolon or a slash is refused."""
    with pytest.raises(ConfigurationError, match=r"^name: the API allows no '.' in the name of a section or group$"):
        check_name("name", name)


@each(("check", "value"), [(check_text, "\ud800"), (check_name, "\ud800"), (check_business_ids, ["\ud800"])])
def test_half_a_surrogate_pair_is_refused(check: Callable[..., object], value: object) -> None:
    """What UTF-8 cannot express is refused, and no exception of the traceback holds the text."""
    with pytest.raises(ConfigurationError, match=r"^argument: the text holds half a surrogate pair") as caught:
        check("argument", value)
    assert caught.value.__context__ is None


@each(("value", "expected"), [(7, "RateLimit or None, not int"), ("x", "RateLimit or None, not str")])
def test_a_class_is_named(value: object, expected: str) -> None:
    """The error names the classes that are taken, and the one that came."""

    class RateLimit:
        """A class with the name of one of ours."""

    with pytest.raises(ConfigurationError, match=f"^rate_limit: expected {expected}$"):
        check_kind("rate_limit", value, RateLimit, type(None))


def test_a_check_validates_a_field() -> None:
    """``valid`` makes a validator that names the field and composes with those of attrs."""

    @frozen
    class Options:
        times: int | None = field(default=None, validator=optional(valid(check_count, least=1)))

    assert Options().times is None
    assert Options(1).times == 1
    with pytest.raises(ConfigurationError, match=r"^times: expected at least 1, not 0$"):
        Options(0)
