"""What one check found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from partoo_async.cli.exit_codes import OK

__all__ = ["Finding", "Mark", "failed", "found", "skipped", "verdict", "warning"]


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Finding:
    """One line of the result: ``advice`` says what to do, ``code`` is the exit code if it failed."""

    check: str
    mark: Mark
    text: str
    advice: str = ""
    code: int = OK
    facts: Mapping[str, Any] = field(factory=dict)

    def as_object(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        own = {"check": self.check, "mark": str(self.mark), "text": self.text, "advice": self.advice or None}
        return own | {"facts": dict(self.facts)}


def found(check: str, text: str, **facts: Any) -> Finding:
    """Return what is as it should be."""
    return Finding(check, Mark.OK, text, facts=facts)


def warning(check: str, text: str, advice: str, **facts: Any) -> Finding:
    """Return what works, and may not be meant."""
    return Finding(check, Mark.WARNING, text, advice, facts=facts)


def failed(check: str, text: str, advice: str, code: int, **facts: Any) -> Finding:
    """Return what cannot work."""
    return Finding(check, Mark.FAILED, text, advice, code, facts)


def skipped(check: str, text: str) -> Finding:
    """Return what could not be looked at."""
    return Finding(check, Mark.SKIPPED, text)


def verdict(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first failure, which the later ones may follow from."""
    return next((one.code for one in findings if one.mark is Mark.FAILED), OK)
