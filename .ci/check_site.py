"""Reads the documentation that MkDocs built: what only the finished pages show. ``make docs`` runs it."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A table that the nightly job writes has this name, underscore and all.
PUBLIC = {"_load_problems"}
# The cells of a row: the type, and what it means.
RETURNED = 2
# Loaded by the browser as the page opens. Links that somebody follows may lead anywhere.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]* src=\"?(?:https?:)?//|<link[^>]* rel=\"?stylesheet[^>]* href=\"?(?:https?:)?//"
)


def text_of(page: str) -> str:
    """Return the words that a reader sees."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def problems_of(site: Path) -> Iterator[str]:
    """Yield what is wrong with the pages."""
    for path in sorted(site.rglob("*.html")):
        if LOADED.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)} loads something from another host"
    page = (site / "reference" / "index.html").read_text(encoding="utf-8")
    reference = text_of(page)
    returned = re.findall(r"Returns:</span>(.*?)</table>", page, re.DOTALL)
    if not returned or max(part.count("<td>") for part in returned) > RETURNED:
        yield "the reference has a table of what is returned with more than one row"
    for name in sorted(set(re.findall(r"(?<![\w.])_[a-z]\w+", reference)) - PUBLIC):
        yield f"the reference shows the private name {name}"
    for noise in ("attrs_init", "validator=", "converter=", "field (", "Unpack [", "Annotated [", "NOTHING"):
        if noise in reference:
            yield f"the reference shows {noise!r}, which says nothing to a user"
    for options in ("PartooClient", "RetryPolicy", "RateLimit", "FileQuota", "RedisQuota", "Organization"):
        _, _, below = reference.partition(f" {options} ¶ ")
        if "Name Type Description Default" not in below[:3000]:
            yield f"the reference has no table with the defaults of {options}"


if __name__ == "__main__":
    sys.exit("\n".join(problems_of(Path(sys.argv[1]))) or None)
