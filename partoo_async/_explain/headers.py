"""Response headers that cannot be changed, in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Headers"]


class Headers(Mapping[str, str]):
    """Headers by their names in lower case. They are found in any case, and pickle."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        # One flat tuple: a dict of four headers takes twice the memory.
        found = {name.lower(): value for name, value in pairs}
        self._pairs = tuple(part for pair in found.items() for part in pair)

    def __getitem__(self, name: str) -> str:
        try:
            return self._pairs[self._pairs[::2].index(name.lower()) * 2 + 1]
        except (AttributeError, ValueError):
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs[::2])

    def __len__(self) -> int:
        return len(self._pairs) // 2

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        # A debugger may ask before there are any.
        return f"Headers({dict(self) if hasattr(self, '_pairs') else {}!r})"

    def __reduce__(self) -> tuple[type[Headers], tuple[tuple[tuple[str, str], ...]]]:
        return Headers, (tuple(self.items()),)
