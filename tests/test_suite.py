"""The suite itself: what its own tools do, and what no test may rely on."""

from __future__ import annotations

import inspect

import pytest

from tests.each import each


def test_every_case_of_a_rule_is_run_and_named() -> None:
    """A rule over many values fails with each of those that break it, and with no other."""
    seen = []

    @each("second", [pytest.param(1, id="one"), 2])
    @each(("first", "third"), [(10, "a"), (20, "b")])
    def rule(first: int, second: int, third: str, tmp_path: str) -> None:
        seen.append((first, second, third, tmp_path))
        with pytest.raises(ValueError, match="not the one"):
            if first + second != 12:
                raise ValueError("not the one")

    assert list(inspect.signature(rule).parameters) == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup, match="1 of 2 cases of second") as caught:
        rule(tmp_path="path")
    assert seen == [(first, second, third, "path") for second in (1, 2) for first, third in ((10, "a"), (20, "b"))]
    (of_two,) = caught.value.exceptions
    assert of_two.__notes__ == ["case: 2"]
    (failed,) = of_two.exceptions
    assert failed.__notes__ == ["case: (10, 'a')"]
    assert "DID NOT RAISE" in str(failed)
