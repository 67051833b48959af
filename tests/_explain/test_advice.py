"""The table of what to do, and the page that shows it."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

from partoo_async import errors
from partoo_async._explain.advice import ARGUMENTS, CAUSES, CLASSES, STATUSES, advice
from tests.support.each import each

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")


def test_every_class_has_its_advice() -> None:
    """No error is without one, and none is for a class that is not there."""
    assert sorted(CLASSES) == sorted(name for name in errors.__all__ if name != "Attempt")


def test_the_page_says_the_same() -> None:
    """The last column of the first table of docs/errors.md is what ``explain()`` says, by class and by status."""
    rows = dict(re.findall(r"^\| `(\w+)`(?: \d\w\w)? \|.+\| (.+) \|$", PAGE, re.MULTILINE))
    assert rows == {name: text for name, text in CLASSES.items() if name != "PartooError"}
    by_status = dict(re.findall(r"^\| (\d\w\w) \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert by_status == STATUSES
    by_text = dict(re.findall(r"^\| \"(.+)\" \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert by_text == CAUSES


@each("status", [one for one in STATUSES if one.isdigit()])
def test_statuses_are_statuses(status: str) -> None:
    """Each has a phrase."""
    assert HTTPStatus(int(status)).phrase


@each(
    ("classes", "status", "text", "told"),
    [
        (["NotFoundError", "APIStatusError", "PartooError"], 404, "", CLASSES["NotFoundError"]),
        (["APIStatusError", "PartooError"], 418, "", CLASSES["APIStatusError"]),
        (["APIStatusError", "PartooError"], 409, "", STATUSES["409"]),
        (["APIStatusError", "PartooError"], 302, "", STATUSES["3xx"]),
        (["APIStatusError", "PartooError"], 304, "", CLASSES["APIStatusError"]),
        (["ConfigurationError", "PartooError"], None, "quota", ARGUMENTS["quota"]),
        (["ConfigurationError", "PartooError"], None, "strict", CLASSES["ConfigurationError"]),
        (["MyError", "APITimeoutError", "APIConnectionError"], None, "", CLASSES["APITimeoutError"]),
        (
            ["APITimeoutError", "APIConnectionError"],
            None,
            "x: no connection within 10 s",
            CAUSES["no connection within"],
        ),
        (["ConfigurationError"], None, "quota: expected a URL", ARGUMENTS["quota"]),
        (["KeyError"], None, "", CLASSES["PartooError"]),
    ],
)
def test_the_nearest_counts(classes: list[str], status: int | None, text: str, told: str) -> None:
    """The status, then the argument, then the nearest class."""
    assert advice(classes, status, text) == told
