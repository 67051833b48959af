"""The line to paste, and what of a request may be in it."""

from __future__ import annotations

import shlex

from partoo_async._explain.curl import curl, shown_body, shown_target
from partoo_async._explain.facts import CallFacts, QuotaFacts
from tests.support.each import each

QUOTA = QuotaFacts(300, 60.0, 1, 0, 0.0, "own", 1)


@each(
    ("path", "shown"),
    [
        ("/sections/7", "/sections/7"),
        ("/sections?page=2&org_id=12", "/sections?page=2&org_id=12"),
        ("/business/search?query=me%40home&page=3", "/business/search?query=***&page=3"),
        ("/x?page=me%40home", "/x?page=***"),
        ("/x?page=" + "1" * 40, "/x?page=***"),
        ("/x?token=", "/x?token=***"),
        ("/x?a%20b=1", "/x?a%20b=***"),
    ],
)
def test_of_a_query_harmless_values_are_shown(path: str, shown: str) -> None:
    """Numbers of pages and organizations; of all else the name alone."""
    assert shown_target(path) == shown


@each(
    ("body", "documented", "shown"),
    [
        (None, True, None),
        (b'{"name":"x"}', True, '{"name":"x"}'),
        (b'{"name":"x"}', False, ""),
        (b"x" * 301, True, ""),
        (b"\xff", True, "\ufffd"),
    ],
)
def test_of_bodies_short_documented_ones_are_shown(body: bytes | None, documented: bool, shown: str | None) -> None:
    """They hold names and ids. Nobody knows what others hold."""
    assert shown_body(body, documented=documented) == shown


@each("text", ["plain", "it's", "a b; rm -rf ~", '$HOME "x" `y` \\'])
def test_the_shell_reads_what_was_sent(text: str) -> None:
    """Whatever is in a name: one argument each, and the key is left to the shell."""
    facts = CallFacts("POST /sections/7", text, "s", "https://api.partoo.co/v2", 90.0, 0.0, QUOTA)
    words = shlex.split(curl(facts).replace("\\\n", ""))
    assert words[:5] == ["curl", "-H", "x-APIKey: $PARTOO_API_KEY", "-X", "POST"]
    assert words[5:] == [
        *("-H", "Content-Type: application/json", "--data", text),
        "https://api.partoo.co/v2/sections/7",
    ]
