"""Puts parts of the README on the home page of the documentation, so that neither text drifts; a hook of MkDocs.

A line of ``docs/index.md`` that is only a link to a heading of the README becomes the text below that heading.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"

PLACE = re.compile(r"^\[[^\]]+\]\(\.\./README\.md#([\w-]+)\)$", re.MULTILINE)
HEADING = re.compile(r"^#{1,2} (.+)\n", re.MULTILINE)
# A `#` at the start of a line of code is no heading.
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def sections_of(readme: str) -> dict[str, str]:
    """Return the text below each heading, by the anchor that the heading gets."""
    bare = FENCED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), readme)
    headings = list(HEADING.finditer(bare))
    ends = [*(heading.start() for heading in headings[1:]), len(readme)]
    return {
        heading[1].lower().replace(" ", "-"): readme[heading.end() : end].strip()
        for heading, end in zip(headings, ends, strict=True)
    }


def home(index: str, readme: str) -> str:
    """Return the home page: links lead on from the folder of the documentation."""
    sections = sections_of(readme)
    page = PLACE.sub(lambda match: sections[match[1]], index)
    return re.sub(r"\]\(docs/", "](", page)


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Fill the places of the home page."""
    return home(markdown, README.read_text(encoding="utf-8")) if page.file.src_uri == "index.md" else markdown
