"""How an edit of the emulated objects is noticed without looking at all of them. Imports nothing else."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Edits", "Members", "NotedDict", "edits"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Edits:
    """Of any two readings of ``last`` that are the same object, no edit lies between."""

    # A new object and not a number: two threads that count at once might count one edit less. The reader keeps the
    # object, so that no later one takes its place in memory.

    def __init__(self) -> None:
        self.last: object = object()

    def note(self) -> None:
        """Take note of an edit, once it is done."""
        self.last = object()


# One for all emulators: an edit in one makes another look again, and finds nothing.
edits: Edits = Edits()


class Members(list[str]):
    """The ids of a group: a list whose edits are noted."""

    __slots__ = ()


class NotedDict(dict[_Key, _Value]):
    """A dict whose edits are noted."""

    __slots__ = ()


def _noting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def edit(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        finally:
            # After an error too: half of an update may be done.
            edits.note()

    return edit


for _name in ("__setitem__", "__delitem__", "clear", "pop"):
    setattr(Members, _name, _noting(getattr(list, _name)))
    setattr(NotedDict, _name, _noting(getattr(dict, _name)))
for _name in ("append", "extend", "insert", "remove", "sort", "reverse", "__iadd__", "__imul__"):
    setattr(Members, _name, _noting(getattr(list, _name)))
for _name in ("popitem", "setdefault", "update", "__ior__"):
    setattr(NotedDict, _name, _noting(getattr(dict, _name)))
