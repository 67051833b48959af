"""The API key, kept out of every repr, log line, pickle and traceback."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from partoo_async.errors import APIConnectionError, APITimeoutError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Secret", "ask_for_key", "hide", "protect", "refuse_key_in_path", "resolve_api_key"]

_MAX_LENGTH = 512
_SHORTEST = 16  # that is looked for in what callers pass; keys of tests are words
_SERVERS = {"prod", "production", "sandbox"}
_HOW = "pass api_key= or set PARTOO_API_KEY"


def _problem(value: object) -> str:
    if not isinstance(value, str):
        hint = "pass it as server=" if hasattr(value, "base_url") else _HOW
        return f"api_key: expected a string, not {type(value).__name__}; {hint}"
    value = value.strip()
    if value.lower() in _SERVERS or value.startswith(("http://", "https://")):
        return f"api_key: this is a server, not a key; pass it as server=, and {_HOW}"
    if not value:
        return f"api_key: the key is empty; {_HOW}"
    if not all("!" <= char <= "~" for char in value):
        return "api_key: the key holds a space, a line break or a character that no header may hold; copy it anew"
    if len(value) > _MAX_LENGTH:
        return f"api_key: the key is longer than {_MAX_LENGTH} characters; copy it anew"
    return ""


class Secret:
    """An API key. Only ``reveal`` shows it; equal keys have equal fingerprints."""

    __slots__ = ("_quoted", "_value", "fingerprint")

    def __init__(self, value: object) -> None:
        problem = _problem(value)
        if problem:
            del value  # no frame of the traceback may hold even a broken key
            raise ConfigurationError(problem)
        value = str.__str__(value).strip()  # an enum of strings prints its name
        self._value = value
        self._quoted: re.Pattern[bytes] | None = None
        self.fingerprint: str = hashlib.sha256(value.encode()).hexdigest()

    def reveal(self) -> str:
        """Return the key. Do not keep it in a variable, which tracebacks would show."""
        return self._value

    def redact(self, body: bytes) -> bytes:
        """Return a response body with ``***`` for the key, however the server has escaped it."""
        if re.search(rb"[\\%&]", body):
            if self._quoted is None:
                self._quoted = _quoted(self._value)
            body = self._quoted.sub(b"***", body)
        return body.replace(self._value.encode(), b"***")

    def is_in(self, text: str) -> bool:
        """Return whether a text holds the key. One of under 16 characters may be a word, and is not looked for."""
        return len(self._value) >= _SHORTEST and self.redact(text.encode()) != text.encode()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; make the client where it is used")


def _quoted(key: str) -> re.Pattern[bytes]:
    # The key as JSON, HTML and URLs may escape it, each character in its own way, or one in the other. Every repetition
    # is bounded, so that a search takes time in proportion to the body, whatever that holds.
    runs = re.findall(r"\\+|[^\\]", key)
    return re.compile("".join(_spellings(run) for run in runs).encode("ascii"))


def _spellings(run: str) -> str:  # of one character, or of a run of backslashes
    char, length = run[0], len(run)
    code = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{ord(char):02x}")
    literal = re.escape(char)
    named = "".join(f"|{name}" for name in _names().get(char, ()))
    forms = [
        rf"\\{{1,8}}+(?:[uU]00{code}|[xX]{code})",
        rf"%(?:25){{0,4}}{code}",
        rf"&(?:amp;){{0,4}}(?:#0{{0,8}}{ord(char)}|#[xX]0{{0,8}}{code}{named});",
    ]
    if char == "\\":  # each level of escaping doubles them
        return rf"(?:(?:{'|'.join(forms)}){{{length}}}|\\{{{length},{8 * length}}}+)"
    return rf"(?:{'|'.join(forms)}|\\{{0,8}}+{literal})"


@cache
def _names() -> dict[str, list[str]]:
    from html.entities import html5  # noqa: PLC0415 - two thousand names, which only responses to bad requests need

    names: dict[str, list[str]] = {}
    for name, char in html5.items():
        if name.endswith(";") and "!" <= char <= "~" and len(char) == 1:
            names.setdefault(char, []).append(name[:-1])
    return names


def protect(value: object) -> Any:
    """Return the key wrapped, a callable as it is, or for None the key of ``PARTOO_API_KEY``. Never raises."""
    # Constructors call this first, and overwrite their argument: whatever they raise later, no frame of the traceback
    # holds the key. In place of what cannot be one stands the error that resolve_api_key raises.
    if callable(value) or isinstance(value, (Secret, ConfigurationError)):
        return value
    if value is None:
        value = os.environ.get("PARTOO_API_KEY")
        if value is None:
            return ConfigurationError(f"api_key: no key was given; {_HOW}")
    problem = _problem(value)
    return ConfigurationError(problem) if problem else Secret(value)


class _HiddenText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def hide(value: Any) -> Any:
    """Return a text that may hold a password with a repr that hides it. See ``protect``."""
    if value is None or isinstance(value, _HiddenText):
        return value
    return _HiddenText(value if isinstance(value, str) else "")  # the check of the argument refuses an empty one


def resolve_api_key(value: Any) -> Secret | Callable[[], Awaitable[str]]:
    """Return what ``protect`` made of a key, or raise ``ConfigurationError``."""
    value = protect(value)
    if isinstance(value, ConfigurationError):
        raise ConfigurationError(*value.args)  # raising it itself would make a reference cycle with this frame
    usable: Secret | Callable[[], Awaitable[str]] = value
    return usable


def refuse_key_in_path(key: object, path: str) -> None:
    """Raise ``ConfigurationError`` if the path or query of a request holds the key."""
    # Access logs, errors and traces of everybody between here and the server keep it.
    if isinstance(key, Secret) and key.is_in(path):
        raise ConfigurationError("path, params: hold the API key; leave it out, the client sends it in a header")


async def ask_for_key(source: Callable[[], Any], until: float, route: str) -> Secret:
    """Return the key that the user's callable gives, by ``until`` on the loop's clock.

    Raises:
        ConfigurationError: What it gives cannot be a key.
        APIConnectionError: It raised. ``APITimeoutError``: it took too long.
    """
    try:
        async with asyncio.timeout_at(until) as limit:
            pending = source()
            if not inspect.isawaitable(pending):
                given = type(pending).__name__
                raise ConfigurationError(f"api_key: expected an async callable; this one returned {given} at once")
            return Secret(await pending)
    except (ConfigurationError, GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except asyncio.CancelledError:
        if limit.expired() or (task := asyncio.current_task()) is None or task.cancelling():
            raise
        kind = "CancelledError"  # nobody cancelled this call: what the callable waits for was cancelled
    except BaseException as error:
        kind = type(error).__name__
    if limit.expired():
        raise APITimeoutError("api_key: the callable gave no key in time", False, route)
    # Neither its text nor its frames: they may hold the key, or what it takes to get it.
    raise APIConnectionError(f"api_key: the callable raised {kind}; call it by itself to see why", False, route)
