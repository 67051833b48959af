"""The API key, kept where no repr, log line, pickle or traceback shows it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NoReturn

from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Secret", "resolve_api_key"]

_MAX_LENGTH = 512
_HOW = "pass api_key= or set PARTOO_API_KEY"


def _problem(value: object) -> str:
    if not isinstance(value, str):
        return f"api_key: expected a string, not {type(value).__name__}; {_HOW}"
    value = value.strip()
    if not value:
        return f"api_key: the key is empty; {_HOW}"
    if not all("!" <= char <= "~" for char in value):
        return "api_key: the key holds a space, a line break or a character that no header may hold; copy it anew"
    if len(value) > _MAX_LENGTH:
        return f"api_key: the key is longer than {_MAX_LENGTH} characters; copy it anew"
    return ""


class Secret:
    """An API key that shows itself only to ``reveal``. Equal keys have equal fingerprints."""

    __slots__ = ("_value", "fingerprint")

    def __init__(self, value: object) -> None:
        problem = _problem(value)
        if problem:
            del value  # no frame of the traceback may hold even a broken key
            raise ConfigurationError(problem)
        value = str(value).strip()
        self._value = value
        self.fingerprint: str = hashlib.sha256(value.encode()).hexdigest()

    def reveal(self) -> str:
        """Return the key. Call it inside an expression: a local variable would show up in tracebacks."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; make the client where it is used")


def resolve_api_key(value: str | Callable[[], Awaitable[str]] | None) -> Secret | Callable[[], Awaitable[str]]:
    """Return the key given, else that of ``PARTOO_API_KEY``; an async callable is returned as it is.

    Raises ``ConfigurationError``, which never shows the key, when there is none or it cannot be one.
    """
    if callable(value):
        return value
    if value is None:
        value = os.environ.get("PARTOO_API_KEY")
        if value is None:
            raise ConfigurationError(f"api_key: no key was given; {_HOW}")
    problem = _problem(value)
    if problem:
        del value
        raise ConfigurationError(problem)
    return Secret(value)
