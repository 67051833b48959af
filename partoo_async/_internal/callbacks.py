"""Plain callables of the caller's that are told something: which are refused, and what they raise."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_callback", "is_async", "tell"]

T = TypeVar("T")


def is_async(value: object) -> bool:
    """Whether calling it returns something to be awaited, as far as one can see that."""
    while isinstance(value, partial):
        value = value.func
    call = getattr(type(value), "__call__", None)  # noqa: B004 - not whether it can be called, but how
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (value, call))


def check_callback(name: str, value: object) -> None:
    """Raise ``ConfigurationError`` for what is neither None nor a plain callable: an async one would never run."""
    if value is None:
        return
    if not callable(value):
        raise ConfigurationError(f"{name}: expected a callable or None, not {type(value).__name__}")
    if is_async(value):
        raise ConfigurationError(f"{name}: expected a plain callable; nobody would await what this async one returns")


def tell(callback: Callable[[T], object], value: T) -> BaseException | None:
    """Call back, and return what went wrong, None if nothing did. Only what ends the program is raised.

    A ``CancelledError`` is not: a plain callable gets none from whoever cancels the task that it runs in. It has looked
    at a future that was cancelled.
    """
    try:
        result = callback(value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return error
    if not inspect.iscoroutine(result):
        return None
    result.close()
    return TypeError("the callback returned a coroutine, which nobody awaits")
