"""Text and numbers as the command shows them."""

from __future__ import annotations

import json

from partoo_async import RateLimit
from partoo_async.cli.commands.emulator import parse_rate_limit
from partoo_async.cli.text import amount, clean, duration, json_line, one_line
from tests.support.each import each


@each(
    ("text", "cleaned"),
    [
        ("Île-de-France", "Île-de-France"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x85\x9b\x7f", r"\x85\x9b\x7f"),
        ("evil\u202etxt\u2028\u200b", r"evil\u202etxt\u2028\u200b"),
        ("half \ud83d", r"half \ud83d"),
        ("日本 😀", "日本 😀"),
    ],
)
def test_clean_spells_out_what_steers_a_terminal(text: str, cleaned: str) -> None:
    """Control, format and surrogate characters are spelled out; every other character stays."""
    assert clean(text) == cleaned


def test_one_line_is_one_line() -> None:
    """An error text of several lines becomes one, with single spaces."""
    assert one_line("  one\r\n two\x1b[2J\n") == r"one two\x1b[2J"


@each("ascii_only", [True, False])
def test_a_json_line_is_safe_and_whole(ascii_only: bool) -> None:
    """A JSON object is one printable line that decodes to the very same value."""
    value = {"name": "Ελλάδα \x1b[2J \x9b \u2028 \u202e \ud83d \x85\n", "error": None}
    line = json_line(value, ascii_only=ascii_only)
    assert line.endswith("}\n")
    assert line[:-1].isprintable()
    assert json.loads(line) == value
    assert ("Ελλάδα" in line) is not ascii_only


@each(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (2.44, "2.4 s"),
        (9.96, "10 s"),
        (41.2, "41 s"),
        (59.7, "1 min 00 s"),
        (83.0, "1 min 23 s"),
        (3599.6, "1 h 00 min"),
        (7509.0, "2 h 05 min"),
    ],
)
def test_a_duration_is_what_people_say(seconds: float, text: str) -> None:
    """Tenths below ten seconds, seconds below an hour, minutes above; never sixty of anything."""
    assert duration(seconds) == text


def test_an_amount_has_its_noun() -> None:
    """One is singular, thousands are grouped, an irregular plural can be given."""
    assert amount(1, "group") == "1 group"
    assert amount(1204, "group") == "1,204 groups"
    assert amount(0, "retry", "retries") == "0 retries"


@each(
    ("text", "limit"),
    [("300/60", RateLimit()), ("5", RateLimit(requests=5)), ("9/0.5", RateLimit(9, 0.5)), ("None", None)],
)
def test_rate_limits_are_read(text: str, limit: RateLimit | None) -> None:
    """Requests per seconds, a minute unless said, or none."""
    assert parse_rate_limit(text) == limit
