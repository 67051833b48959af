"""Lets code within text break where a reader would break it; a hook of MkDocs.

A browser breaks after a hyphen, so that an option lost its name, and nowhere in a long name, so that a table on a phone
hid the columns behind it. Short words with such places stay whole; long ones in a table may break between their parts.
"""

from __future__ import annotations

import re

WHOLE = 20  # characters that fit into a column of a phone
BLOCK = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
CELL = re.compile(r"(<td\b.*?</td>)", re.DOTALL)
CODE = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
WORD = re.compile(r"\S+")
# Behind a sign within the word, and between the words of a class.
PART = re.compile(r"(?<=[_/@:=,.|(])(?=\w)|(?<=[a-z])(?=[A-Z])")


def word_in_text(word: str) -> str:
    """Return a word of code that keeps its hyphens and brackets, if it is short."""
    return f'<span class="whole">{word}</span>' if len(word) <= WHOLE and re.search(r"[-[(]", word) else word


def word_in_cell(word: str) -> str:
    """Return a word of code that may break between its parts, if it is long."""
    return word_in_text(word) if len(word) <= WHOLE and "-" in word else PART.sub("<wbr>", word)


def of_text(html: str) -> str:
    """Return what is outside of tables with words that stay whole."""
    return CODE.sub(lambda code: WORD.sub(lambda word: word_in_text(word[0]), code[0]), html)


def of_cell(html: str) -> str:
    r"""Return a cell with parts that may break; ``\|``, which GitHub needs in the code of a cell, is ``|`` here."""
    return CODE.sub(lambda code: WORD.sub(lambda word: word_in_cell(word[0]), code[0].replace("\\|", "|")), html)


def mended(html: str) -> str:
    """Return a page in which code breaks well; blocks of code are left as they are."""
    parts = [part for outer in BLOCK.split(html) for part in (CELL.split(outer) if outer[:4] != "<pre" else [outer])]
    return "".join(
        part if part.startswith("<pre") else of_cell(part) if part.startswith("<td") else of_text(part)
        for part in parts
    )


def on_page_content(html: str, **_: object) -> str:
    """Mend each page."""
    return mended(html)
