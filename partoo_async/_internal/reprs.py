"""Reprs that never raise, and are short."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["few", "total_repr"]

_WHOLE = 6
_FIRST = 3

T = TypeVar("T")


def total_repr(cls: type[T]) -> type[T]:
    """Give a class a repr that works before all attributes are set. For every class whose ``__init__`` can raise."""
    # A crash reporter shows local variables, ``self`` among them. It must not crash on the way.
    complete = cls.__repr__

    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes one
        try:
            return complete(self)
        except (AttributeError, RuntimeError):  # the latter of a future
            return f"<{cls.__name__} being made>"

    cls.__repr__ = __repr__  # type: ignore[method-assign]  # that is what a class decorator is for
    return cls


def few(values: object) -> str:
    """Return a repr in which a long tuple has its first three items and the number of the others."""
    # Of no fixed kind: applications make models by hand, and a repr must not raise.
    if not isinstance(values, tuple) or len(values) <= _WHOLE:
        return repr(values)
    first = ", ".join(map(repr, values[:_FIRST]))
    return f"({first}, <{len(values) - _FIRST:,} more>)"
