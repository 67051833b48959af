"""What a kind of fault is, the options it takes, and the checks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from aiohttp import web
from attrs import frozen

from partoo_async._internal.checks import check_choice, check_count, check_flag, check_seconds
from partoo_async.errors import ConfigurationError

__all__ = [
    "Kind",
    "Option",
    "check_at_least_one",
    "check_error_status",
    "check_field",
    "check_header",
    "check_pause",
    "check_wait",
    "nearest",
    "one_of",
    "resolve_options",
    "resolve_processed",
]


def check_wait(name: str, value: object) -> float:
    """Check seconds, zero allowed."""
    return check_seconds(name, value, zero=True)


def check_pause(name: str, value: object) -> float | None:
    """Check seconds, None for no end."""
    return None if value is None else check_seconds(name, value, zero=True)


def check_at_least_one(name: str, value: object) -> int:
    """Check an int of at least 1."""
    return check_count(name, value, least=1)


def check_header(name: str, value: object) -> str:
    """Check the value of a header."""
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{name}: expected a text of printable ASCII for a header, not {value!r}")
    return value


def check_field(name: str, value: object) -> str | None:
    """Check the name of a top-level field, None for the kind's own choice."""
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(
            f"{name}: expected the name of a top-level field, such as 'id', or None, not {value!r}"
        )
    return value


def one_of(*choices: object) -> Callable[[str, object], Any]:
    """Return a check for one of the ``choices``."""

    def check(name: str, value: object) -> object:
        check_choice(name, value, choices)
        return value

    return check


def check_error_status(name: str, value: object) -> int:
    """Check a status of an error."""
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
        raise ConfigurationError(f"{name}: expected a status from 400 to 599, not {value!r}")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message, "; did you mean ...?", or nothing if no ``known`` name is near."""
    names = list(known)
    # Half a name counts as near too: "gzip" means one of three.
    found = dict.fromkeys(get_close_matches(name, names) + [other for other in names if name and name in other])
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


@frozen
class Option:
    """A keyword argument of a kind."""

    name: str
    default: Any
    check: Callable[[str, object], Any]


@frozen
class Kind:
    """One kind of fault.

    Attributes:
        name: What ``faults.add`` takes.
        about: What the client gets, in one line.
        play: Returns the response for an ``Exchange`` and the options, None if there is nothing to change.
        options: The options it takes.
        processed: Whether the server acts on the request before the fault: the default, then what else is possible.
        on_success: Whether it changes successes only.
        on_reused: Whether it only hits a connection that has served a request before.
    """

    name: str
    about: str
    play: Callable[..., web.StreamResponse | None]
    options: tuple[Option, ...] = ()
    processed: tuple[bool, ...] = (True,)
    on_success: bool = False
    on_reused: bool = False


def resolve_options(kind: Kind, given: Mapping[str, object]) -> dict[str, Any]:
    """Return every option of a kind with its value, given or default."""
    known = {option.name: option for option in kind.options}
    if unknown := set(given) - set(known):
        name, options = min(unknown), ", ".join(known)
        has = f"its options are {options}" if options else "it has no options"
        raise ConfigurationError(
            f"{name}: expected an option of the fault {kind.name!r}, and {has}{nearest(name, known)}"
        )
    return {name: option.check(name, given.get(name, option.default)) for name, option in known.items()}


def resolve_processed(kind: Kind, given: object) -> bool:
    """Return whether the server acts on the request; None is the kind's default."""
    if given is None:
        return kind.processed[0]
    if check_flag("processed", given) not in kind.processed:
        why = "spoils the real response" if kind.processed[0] else "comes before the request is read"
        raise ConfigurationError(
            f"processed: expected {kind.processed[0]} or None for the fault {kind.name!r}, which {why}, not {given!r}"
        )
    return bool(given)
