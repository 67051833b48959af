"""A repr for objects that are still being made: a traceback with local variables asks for it when that fails."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["total_repr"]

T = TypeVar("T")


def total_repr(cls: type[T]) -> type[T]:
    """Let the repr of a class say "being made" where a part of the object is not set yet, and not raise.

    For every class whose making can fail. Else a crash reporter would crash on the way, and tell nothing.
    """
    complete = cls.__repr__

    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes one
        try:
            return complete(self)
        except AttributeError:
            return f"<{cls.__name__} being made>"

    cls.__repr__ = __repr__  # type: ignore[method-assign]  # that is what a class decorator is for
    return cls
