"""Text from a server, made fit for a terminal and for readers of lines."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["clean", "json_line", "one_line", "shown"]

# What JSON leaves as it is and a terminal, or a reader of lines, does not: C1 controls, line separators, marks that
# turn the direction of writing, halves of surrogate pairs.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean(text: str) -> str:
    r"""Return ``text`` with every control character spelled out, such as ``\x1b``: it cannot steer a terminal."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _HARMFUL else char for char in text
    )


def one_line(text: str) -> str:
    """Return ``text`` on one line, its white space made single and its control characters spelled out."""
    return clean(" ".join(text.split()))


def shown(path: Path) -> str:
    r"""Return a path for a message: a byte that is no UTF-8, which no log could take, is spelled out as ``\xe9``."""
    return os.fsencode(path).decode(errors="backslashreplace")


def json_line(value: dict[str, Any], *, ascii_only: bool = False) -> str:
    """Return a JSON object on one line that no terminal reads as a command; names stay readable if they can be."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
