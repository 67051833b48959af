"""What a kind of fault is, and the options that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from attrs import frozen

from partoo_async._internal.checks import check_choice, check_count, check_flag, check_seconds
from partoo_async.emulator.faults.nearest import nearest
from partoo_async.errors import ConfigurationError

__all__ = [
    "Kind",
    "Option",
    "check_at_least_one",
    "check_field",
    "check_header",
    "check_pause",
    "check_wait",
    "one_of",
    "status_from",
]


def check_wait(name: str, value: object) -> float:
    """Return a number of seconds, zero included."""
    return check_seconds(name, value, zero=True)


def check_pause(name: str, value: object) -> float | None:
    """Return a number of seconds, None for no end."""
    return None if value is None else check_seconds(name, value, zero=True)


def check_at_least_one(name: str, value: object) -> int:
    """Return an int of at least 1."""
    return check_count(name, value, least=1)


def check_header(name: str, value: object) -> str:
    """Return a text that can be the value of a header."""
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{name}: expected a text of printable ASCII for a header, not {value!r}")
    return value


def check_field(name: str, value: object) -> str | None:
    """Return the name of a top-level field of an answer, None for the kind's own choice."""
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(
            f"{name}: expected the name of a top-level field, such as 'id', or None, not {value!r}"
        )
    return value


def one_of(*choices: object) -> Callable[[str, object], Any]:
    """Return a check that lets only the ``choices`` pass."""

    def check(name: str, value: object) -> object:
        check_choice(name, value, choices)
        return value

    return check


def status_from(lowest: int, highest: int) -> Callable[[str, object], int]:
    """Return a check for a status from ``lowest`` to ``highest``."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ConfigurationError(f"{name}: expected a status from {lowest} to {highest}, not {value!r}")
        return value

    return check


@frozen
class Option:
    """A keyword argument of a kind: its name, its default, and a function that returns a checked value."""

    name: str
    default: Any
    check: Callable[[str, object], Any]


@frozen
class Kind:
    """One kind of fault.

    ``about``: what the client meets, in one line. ``play``: makes the answer out of an ``Exchange`` and the options;
    it returns None where there is nothing to spoil in this answer. ``processed``: whether the server acts on the
    request before the fault, the default first and what else can be asked for after it. ``on_success``: it spoils
    only answers that would have been a success. ``on_reused``: it can only hit a connection that has served a request
    before.
    """

    name: str
    about: str
    play: Callable[..., web.StreamResponse | None]
    options: tuple[Option, ...] = ()
    processed: tuple[bool, ...] = (True,)
    on_success: bool = False
    on_reused: bool = False

    def settle(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Return every option with its value, given or default; raises ``ConfigurationError`` for a bad one."""
        known = {option.name: option for option in self.options}
        if unknown := set(given) - set(known):
            raise ConfigurationError(self._unknown_option(min(unknown), known))
        return {name: option.check(name, given.get(name, option.default)) for name, option in known.items()}

    def _unknown_option(self, name: str, known: Iterable[str]) -> str:
        options = ", ".join(known)
        has = f"its options are {options}" if options else "it has no options"
        return f"{name}: expected an option of the fault {self.name!r}, and {has}{nearest(name, known)}"

    def settle_processed(self, given: object) -> bool:
        """Return whether the server acts on the request, None for the default; raises ``ConfigurationError``."""
        if given is None:
            return self.processed[0]
        if check_flag("processed", given) not in self.processed:
            why = "spoils the real answer" if self.processed[0] else "comes before the request is read"
            raise ConfigurationError(
                f"processed: expected {self.processed[0]} or None for the fault {self.name!r}, which {why},"
                f" not {given!r}"
            )
        return bool(given)
