"""Text from a server, made fit for a terminal; and words, made fit for a shell."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from partoo_async._internal.text import amount, clean, cut, duration, json_line, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["amount", "clean", "cut", "duration", "json_line", "json_value", "one_line", "shell_words"]


def json_value(text: str | bytes) -> Any:
    """Return what JSON stands for. Raises ``ValueError``, also for what is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def shell_words(words: Iterable[str]) -> str:
    """Return words as a shell takes them: a byte of a file's name that is no UTF-8 in the form ``$'caf\\xe9'``."""
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    name = os.fsencode(word)
    try:
        return shlex.quote(name.decode())
    except UnicodeDecodeError:
        return (
            "$'"
            + "".join(chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in name)
            + "'"
        )
