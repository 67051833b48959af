"""JSON that cannot be changed: what several callers hold is one object."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["ReadOnlyDict", "ReadOnlyList", "read_only"]


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = "dict" if isinstance(self, dict) else "list"
    raise TypeError(f"this {kind} is read-only: change a copy, {kind}(...)")


def _same(self: Any, *_: object) -> Any:
    return self


# Subclasses of dict and list, so that every JSON encoder takes them and they equal what came. Pickle would fill them by
# their own methods, which refuse: so it is told to make them of plain ones.
class ReadOnlyDict(dict[str, Any]):
    """A JSON object. It pickles, where the standard library's read-only view does not."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __copy__ = __deepcopy__ = _same

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyDict, (dict(self),)


class ReadOnlyList(list[Any]):
    """A JSON array."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse
    __copy__ = __deepcopy__ = _same

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyList, (list(self),)


def read_only(value: Any) -> Any:
    """Return a JSON value that cannot be changed, at any depth."""
    if isinstance(value, dict):
        if type(value) is ReadOnlyDict:
            return value
        return ReadOnlyDict({name: read_only(item) for name, item in value.items()})
    if isinstance(value, list):
        return value if type(value) is ReadOnlyList else ReadOnlyList([read_only(item) for item in value])
    return value
