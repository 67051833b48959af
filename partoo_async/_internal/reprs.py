"""A repr that never raises."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["total_repr"]

T = TypeVar("T")


def total_repr(cls: type[T]) -> type[T]:
    """Give a class a repr that works before all attributes are set. For every class whose ``__init__`` can raise."""
    # A crash reporter shows local variables, ``self`` among them. It must not crash on the way.
    complete = cls.__repr__

    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes one
        try:
            return complete(self)
        except AttributeError:
            return f"<{cls.__name__} being made>"

    cls.__repr__ = __repr__  # type: ignore[method-assign]  # that is what a class decorator is for
    return cls
