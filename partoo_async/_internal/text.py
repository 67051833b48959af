"""Text from a server made safe for terminals and lines, and seconds in words."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["amount", "clean", "cut", "duration", "json_line", "json_safe", "one_line", "shown"]

# JSON leaves these as they are: C1 controls, line separators, direction marks, halves of surrogate pairs.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean(text: str, keep: str = "") -> str:
    r"""Return ``text`` with control characters escaped, such as ``\x1b``, but for those to ``keep``."""
    return "".join(
        char if char in keep or unicodedata.category(char) not in _HARMFUL else char.encode("unicode_escape").decode()
        for char in text
    )


def one_line(text: str) -> str:
    """Return ``text`` on one line, with single spaces and control characters escaped."""
    return clean(" ".join(text.split()))


def cut(text: str, most: int) -> str:
    """Return ``text`` as ``one_line`` does, and cut if it is longer than ``most`` characters."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def amount(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 group``, ``1,204 groups``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def shown(path: Path) -> str:
    """Return a path for a message."""
    # A byte that is not UTF-8, which no log could take, is escaped as \xe9.
    return os.fsencode(path).decode(errors="backslashreplace")


def json_line(value: dict[str, Any], *, ascii_only: bool = False) -> str:
    """Return a JSON object as one line."""
    return json_safe(json.dumps(value, ensure_ascii=ascii_only)) + "\n"


def json_safe(text: str) -> str:
    """Return JSON with the characters escaped that a terminal would act on."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``2.4 s``, ``41 s``, ``1 min 23 s``, ``2 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes:02d} min"
