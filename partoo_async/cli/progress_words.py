"""The progress of a scan, or of many, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async.cli.text import amount, clean, duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async import ManyProgress, ScanProgress

__all__ = ["MANY", "SCAN", "Words", "status"]

# A shorter wait is over before it is read.
_WORTH_A_WORD = 1.0  # second


@frozen
class Words:
    """How a kind of progress is put in words.

    ``line``: for a log, "" for nothing worth one. ``bar``: what stands before a bar, and behind it.
    """

    line: Callable[[Any], str]
    bar: Callable[[Any], tuple[str, str]]


def status(progress: ScanProgress) -> str:
    """Return rate or what is waited for, time left, failures and retries, in words."""
    parts = []
    if progress.held_for:
        parts.append(f"holding for {duration(progress.held_for)} ({clean(progress.held_by)}), trying again")
    elif progress.paused_for:
        parts.append(f"paused by the server for {duration(progress.paused_for)}")
    elif progress.quota_wait >= _WORTH_A_WORD:
        parts.append(f"waiting for quota: {duration(progress.quota_wait)}")
    elif progress.silent_for:
        parts.append(f"nothing came for {duration(progress.silent_for)}")
    elif progress.rate:
        parts.append(f"{progress.rate:.1f}/s")
    # Until the server answers, nobody knows.
    if progress.total > progress.done and not (progress.held_for or progress.silent_for):
        parts.append(f"ETA {duration(progress.eta)}")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.retries:
        parts.append(amount(progress.retries, "retry", "retries"))
    return ", ".join(parts)


def _scan_line(progress: ScanProgress) -> str:
    # After the last group the summary tells it; while the sections are read only a wait is worth a line.
    if progress.done < progress.total:
        return f"{progress.done:,}/{amount(progress.total, 'group')}, {status(progress)}"
    waits = progress.paused_for or progress.held_for or progress.silent_for or progress.quota_wait >= _WORTH_A_WORD
    return f"reading sections, {status(progress)}" if waits and not progress.total else ""


def _scan_bar(progress: ScanProgress) -> tuple[str, str]:
    return f"{progress.done:,}/{progress.total:,}" if progress.total else "reading sections", status(progress)


SCAN: Words = Words(_scan_line, _scan_bar)
"""One scan."""


def _many_line(progress: ManyProgress) -> str:
    if progress.ended == progress.organizations:
        return ""  # the summary tells it
    ended = f"{progress.ended:,}/{amount(progress.organizations, 'organization')}"
    return f"{ended}, {progress.done:,}/{amount(progress.total, 'group')}, {_many_status(progress)}"


def _many_status(progress: ManyProgress) -> str:
    parts = [f"{progress.rate:.1f}/s", f"ETA {duration(progress.eta)}"]
    failed = progress.failed + progress.broken
    for count, what in ((failed, "failed"), (progress.paused, "paused"), (progress.held, "holding")):
        if count:
            parts.append(f"{count:,} {what}")
    if progress.retries:
        parts.append(amount(progress.retries, "retry", "retries"))
    return ", ".join(parts)


def _many_bar(progress: ManyProgress) -> tuple[str, str]:
    before = f"{progress.ended:,}/{progress.organizations:,}  {progress.done:,}/{progress.total:,}"
    return before, _many_status(progress)


MANY: Words = Words(_many_line, _many_bar)
"""The scans of many organizations."""
