"""The HTML page by itself: whatever names are, it is one safe page of a bounded size, and readable."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from partoo_async.scan.summary.html import html_report
from partoo_async.scan.summary.style import DARK, LIGHT
from partoo_async.scan.summary.words import display
from tests.scan.summary.support import AT, SINCE, changes, failure, organization, success, summarized

# Elements that have no end.
VOID = {"meta", "br", "rect", "line"}
ALLOWED = """
    html head meta title style body main header footer section h1 h2 h3 p a span bdi dl div dt dd table caption thead
    tbody tr th td svg rect text line g desc figure figcaption details summary ul li br
"""


class Page(HTMLParser):
    """Reads a page: its elements, texts, links and ids; a tag that does not match is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "bdi":
            self.names.append(data)

    def values(self, name: str) -> list[str]:
        return [value for other, value in self.attributes if other == name]


@settings(max_examples=60)
@given(name=st.text())
@example(name='"><script>alert(1)</script><img src=x onerror=alert(1)>')
@example(name="</style></title><style>*{display:none}")
@example(name="שלום \u202e\u2066 مرحبا \u2069\u2069")
@example(name="\N{WOMAN}\u200d\N{ROCKET}&amp;&#x3c;")
@example(name="x" * 10_000)
@example(name="]]>-->\0\ud800\r\n")
def test_names_are_text(name: str) -> None:
    """No name makes an element, an attribute or a rule of style, leaves its place, or is changed."""
    page = Page(html_report(organization(name), changes(name), SINCE, 100))
    plain = Page(html_report(organization("x"), changes("x"), SINCE, 100))
    assert page.elements == plain.elements
    assert page.attributes == plain.attributes
    assert display(f"Countries{name}") in page.names
    assert {*page.elements} <= {*ALLOWED.split()}


def test_the_page_needs_nothing_else() -> None:
    """No script, address or font from elsewhere; the policy allows its own style alone, by its hash."""
    text = html_report(organization(), changes(), SINCE, 100)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert re.findall(r"https?://[^<\s]*", text) == ["https://api.partoo.co/v2"]  # in its text: the server
    assert not re.search(r"url\(|@import|javascript:|<script|\bstyle=|\bsrc=", text)
    page = Page(text)
    assert all(link.startswith("#") and link[1:] in page.values("id") for link in page.values("href"))


def test_equal_input_gives_an_equal_page() -> None:
    """No clock and no chance are in it."""
    first, second = (html_report(organization(), changes(), SINCE, 100) for _ in range(2))
    assert first == second


def test_it_can_be_used_without_seeing_it() -> None:
    """A language, one first heading and none left out, a caption for every table, words for every chart."""
    text = html_report(organization(), changes(), SINCE, 100)
    page = Page(text)
    assert page.values("lang") == ["en"]
    levels = [int(tag[1]) for tag in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.elements.count("table") == page.elements.count("caption") > 3
    charts = re.findall(r"<svg[^>]*>", text)
    assert all('aria-hidden="true"' in chart or 'role="img"' in chart for chart in charts)
    assert re.search(r'role="img" aria-labelledby="sizes-title sizes-desc"><title id="sizes-title">', text)
    assert len(page.values("id")) == len({*page.values("id")})


def test_colours_have_contrast() -> None:
    """4.5 for text and 3 for bars (WCAG 2.2, 1.4.3 and 1.4.11), in the light and in the dark."""
    for palette in (LIGHT, DARK):
        for name in ("ink", "quiet", "blue", "orange"):
            assert contrast(palette[name], palette["page"]) >= 4.5, (name, palette[name])
        assert contrast(palette["bar"], palette["page"]) >= 3
        # Neighbours in one bar.
        assert contrast(palette["bar"], palette["pale"]) >= 1.5
        assert contrast(palette["bar"], palette["warm"]) >= 1.5


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_lists_are_bounded() -> None:
    """Of a thousand groups and failures with the longest names, a page has some and counts the rest."""
    items = [success(7, number, "&" * 500, [str(number), "both"]) for number in range(1000)]
    items += [success(7, 1000 + number, "&" * 500, []) for number in range(1000)]
    found = summarized([*items, *(failure(number, None) for number in range(100, 1100))], whole=True)
    text = html_report(found, None, None, 100)
    assert len(text.encode()) < 500_000
    assert text.count("and 900 more") == 2  # empty groups, sections that failed
    assert "Show 90 more" in text
    small = html_report(found, None, None, 0)
    assert "and 1,000 more" in small
    assert len(small) < len(text)


def test_parts_that_have_nothing_to_tell_are_left_out() -> None:
    """A complete scan without a comparison has no failures, changes, overlaps or empty groups."""
    text = html_report(summarized([success(7, 1, "A", "ab")]), None, None, 100)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == ["Sections", "Sizes of groups", "About the scan"]
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", html_report(summarized([]), None, None, 100)) == ["About the scan"]


def test_it_says_what_changed_with_names() -> None:
    """Businesses that joined or left are named beside their ids; what is not known is its id alone."""
    text = re.sub(r"<[^>]*>|&nbsp;", " ", html_report(organization(), changes(), SINCE, 100))
    words = " ".join(text.split())
    assert "France 1 in Countries 7 renamed, was Gaul no longer filled by a feed" in words
    assert "2 joined: Shop b b , Shop c c 1 left: gone" in words
    assert "Shop A a renamed, was Shop a closed, was open moved, from Lille to Lyon" in words
    assert "1 group or section could not be compared: not read this time." in words
    assert "This scan did not come to its end. A note." in words
    assert f"{AT:%d} November 2026, 02:00 UTC" in words


def test_what_has_no_name_is_said() -> None:
    """An empty name is told as such, and groups with the same businesses, too."""
    found = evolve(summarized([success(7, 1, " ", "ab"), success(8, 2, "B", "ab")]), compared=1)
    text = html_report(found, None, None, 100)
    assert '<span class="none">no name</span>' in text
    assert "both have the same businesses" in text
    assert "Looked for among the 1 largest groups." in text


def _signs(text: str) -> Iterator[str]:
    yield from re.findall(r'class="sign[^"]*" aria-hidden="true">(.)<', text)


def test_colours_are_never_alone() -> None:
    """Whatever has a colour has a sign or a word, too."""
    assert "".join(_signs(html_report(organization(), changes(), SINCE, 100))) == "+−±+−±−?"  # noqa: RUF001 - the sign
