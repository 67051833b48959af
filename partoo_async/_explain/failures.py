"""The failures of a scan, by their cause."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["grouped"]

_MOST_KEYS = 5
_MOST_CAUSES = 10


def grouped(error: Any, explain: Callable[[Any], str]) -> Iterator[str]:
    """Yield blocks of text about a ``ScanError``: its failures by cause, and one of them explained."""
    failed = getattr(getattr(error, "report", None), "failed", ())
    if not failed:
        return
    causes: dict[tuple[str, str], list[Any]] = {}
    for item in failed:
        causes.setdefault(_cause(item.error), []).append(item)
    ranked = sorted(causes.items(), key=lambda one: -len(one[1]))
    lines = [f"Failures: {len(failed):,} of {len(error.report.items):,} outcomes"]
    for (_, cause), items in ranked[:_MOST_CAUSES]:
        keys = ", ".join(map(_key, items[:_MOST_KEYS]))
        more = f" and {len(items) - _MOST_KEYS:,} more" if len(items) > _MOST_KEYS else ""
        lines.append(f"  {len(items):,} times {cause}" if len(items) > 1 else f"  once {cause}")
        lines.append(
            textwrap.fill(f"{keys}{more}", 80, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
        )
    if len(ranked) > _MOST_CAUSES:
        lines.append(f"  and {len(ranked) - _MOST_CAUSES} other causes")
    yield "\n".join(lines)
    yield f"One of them, {_key(ranked[0][1][0])}:\n{textwrap.indent(explain(ranked[0][1][0].error), '  ')}"


def _cause(error: Any) -> tuple[str, str]:
    name, status = type(error).__name__, getattr(error, "status", None)
    return f"{name} {status}", name if status is None else f"{status} ({name})"


def _key(item: Any) -> str:
    return f"section {item.section_id}" if item.group_id is None else f"{item.section_id}/{item.group_id}"
