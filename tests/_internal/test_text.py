"""Text for terminals and lines, and seconds in words."""

from __future__ import annotations

import json
from pathlib import Path

from partoo_async._internal.text import clean, duration, json_line, one_line, shown
from tests.support.each import each


@each(
    ("text", "expected"),
    [
        ("Crêperie 東京", "Crêperie 東京"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),  # turns the direction of what follows
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        ("tab\t", "tab\\t"),
    ],
)
def test_what_would_steer_a_terminal_is_escaped(text: str, expected: str) -> None:
    """Letters of any language stay; controls, marks of direction and half characters are shown."""
    assert clean(text) == expected


@each(("text", "expected"), [("a\n  b\r\n", "a b"), ("\x00a", "\\x00a"), ("", "")])
def test_one_line(text: str, expected: str) -> None:
    """Any white space is one space, and nothing breaks the line."""
    assert one_line(text) == expected


@each("text", ["é", "\u2028", "\x85", "\u202e", "\ud800", '"', "\n"])
def test_a_json_line_is_one_line_and_says_the_same(text: str) -> None:
    """Readers that split at any line separator get whole values, and the text comes back."""
    line = json_line({"text": text})
    assert line.splitlines() == [line[:-1]]
    assert json.loads(line) == {"text": text}


def test_a_json_line_in_ascii() -> None:
    """For streams that take nothing else."""
    assert json_line({"text": "é"}, ascii_only=True) == '{"text": "\\u00e9"}\n'


def test_a_path_with_bytes_that_are_no_text() -> None:
    """It is told so that any log can take it."""
    assert shown(Path("caf\udce9.db")) == "caf\\xe9.db"


@each(
    ("seconds", "expected"),
    [
        (0.0, "0.0 s"),
        (2.44, "2.4 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.5, "1 min 00 s"),
        (83.0, "1 min 23 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500.0, "2 h 05 min"),
    ],
)
def test_seconds_in_words(seconds: float, expected: str) -> None:
    """Rounded once: never 60 s, nor 60 min."""
    assert duration(seconds) == expected
