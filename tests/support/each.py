"""Many cases of one rule as one test: a hundred values cost one set-up, and a failure names every case that fails."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import pytest

_Test = TypeVar("_Test", bound=Callable[..., Any])


def each(names: str | Sequence[str], values: Iterable[Any]) -> Callable[[_Test], _Test]:
    """Like ``pytest.mark.parametrize``, as one test that runs every case and fails with all that failed.

    For rules that leave nothing behind: the cases share the test's fixtures.
    """
    named = names.replace(",", " ").split() if isinstance(names, str) else list(names)
    alone = isinstance(names, str) and len(named) == 1
    cases = [_case(value, alone=alone) for value in values]
    assert cases, "a rule without a case holds nothing"

    def decorate(test: _Test) -> _Test:
        @functools.wraps(test)
        def every(**fixtures: Any) -> None:
            failed: list[BaseException] = []
            for name, arguments in cases:
                try:
                    test(**fixtures, **dict(zip(named, arguments, strict=True)))
                except (Exception, pytest.fail.Exception, BaseExceptionGroup) as error:
                    error.add_note(f"case: {name}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(cases)} cases of {', '.join(named)}", failed)

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in named]
        every.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return every  # type: ignore[return-value]

    return decorate


def _case(value: Any, *, alone: bool) -> tuple[str, Sequence[Any]]:
    """The name of a case, and its arguments: one for each name."""
    if isinstance(value, type(pytest.param())):
        return value.id or ascii(value.values)[:200], value.values
    return ascii(value)[:200], [value] if alone else value
