"""The text of ``error.explain()``: plain, at most 80 columns but for what must not be broken, such as URLs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from partoo_async._explain.advice import advice
from partoo_async._explain.curl import curl
from partoo_async._explain.failures import grouped
from partoo_async._explain.statuses import phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partoo_async._explain.facts import Attempt, CallFacts, QuotaFacts

__all__ = ["explain"]

_COLUMNS = 80
_MOST_ATTEMPTS = 12
_LEAST = 0.001  # seconds that are worth a word


def explain(error: Any) -> str:
    """Return what happened to a ``PartooError``, and what to do."""
    facts: CallFacts | None = error._facts
    last = getattr(error, "last_error", None)
    failures, text = [*grouped(error, explain)], str(error)
    if failures:  # which the text of a ScanError lists behind its first line, too
        text = text.partition("\n")[0].removesuffix(":")
    blocks = [
        _wrapped(f"{type(error).__name__}: {_printable(text) or 'no text'}"),
        _call(error, facts),
        _attempts(error.attempts, facts),
        _wrapped(f"Last error: {type(last).__name__}: {_printable(str(last))}", hang=2) if last is not None else "",
        _time(error.attempts, facts),
        _quota(facts.quota) if facts is not None else "",
        _response(error),
        *failures,
        f"To try it by hand:\n  {curl(facts)}" if facts is not None else "",
        "What to do:\n" + "\n".join(_wrapped(line, "  ") for line in _advice(error, facts)),
    ]
    return "\n\n".join(block for block in blocks if block)


def _call(error: Any, facts: CallFacts | None) -> str:
    if facts is not None:
        return f"Request: {facts.request}\nServer:  {facts.server} ({facts.base_url})"
    route, server = getattr(error, "route", ""), getattr(error, "server", "")
    return "\n".join(line for line in (route and f"Request: {route}", server and f"Server:  {server}") if line)


def _attempts(attempts: tuple[Attempt, ...], facts: CallFacts | None) -> str:
    if not attempts:
        shared = facts is not None and facts.shared is not None
        none = "none of its own: another call had sent the same request" if shared else "none, nothing was sent"
        return "" if facts is None else f"Attempts: {none}"
    left_out = len(attempts) - _MOST_ATTEMPTS
    lines = [f"Attempts: {len(attempts)}"]
    for number, attempt in enumerate(attempts, 1):
        if left_out > 0 and 2 < number <= 2 + left_out:
            if number == 3:
                lines.append(f"  ... {left_out} more, such as {_cause(attempt, facts)}")
            continue
        lines.append(_wrapped(f"{number}. {_cause(attempt, facts)}", "  ", hang=3))
        lines.append(_wrapped(", ".join(_steps(attempt)), "     "))
    return "\n".join(lines)


def _cause(attempt: Attempt, facts: CallFacts | None) -> str:
    """Return what became of an attempt, in words and without its route, which all of them share."""
    text, route = _printable(attempt.cause), "" if facts is None else facts.request.partition("?")[0]
    if attempt.outcome.isdigit():
        return text.replace(f" for {route}", "", 1) or phrase(int(attempt.outcome))
    if facts is not None and text.startswith(route):
        for where in (f" at {facts.server}: ", f" at {facts.base_url}: ", ": "):
            text = text.removeprefix(route + where)
    return f"{text} ({attempt.outcome})" if text else attempt.outcome


def _steps(attempt: Attempt) -> Iterator[str]:
    if attempt.queued >= _LEAST:
        yield f"waited {_seconds(attempt.queued)} for quota"
    yield "sent" if attempt.request_sent else "not sent"
    yield f"failed after {_seconds(attempt.elapsed)}"
    if attempt.wait >= _LEAST:
        yield f"then waited {_seconds(attempt.wait)}"


def _time(attempts: tuple[Attempt, ...], facts: CallFacts | None) -> str:
    if facts is None or (len(attempts) == 1 and not attempts[0].queued and not facts.queued):
        return ""  # nothing that the attempt does not say
    queued = facts.queued + sum(attempt.queued for attempt in attempts)
    tried, waited = sum(attempt.elapsed for attempt in attempts), sum(attempt.wait for attempt in attempts)
    shared = facts.shared or 0.0
    parts = (
        (queued, "waiting for quota"),
        (tried, "in attempts"),
        (waited, "between attempts"),
        (shared, "waiting for that request"),
    )
    spent = ", ".join(f"{_seconds(seconds)} {what}" for seconds, what in parts if seconds >= _LEAST)
    allowed = f" (timeout: {facts.timeout:g} s)" if facts.timeout else ""
    whole = _seconds(sum(seconds for seconds, _ in parts))
    return _wrapped(f"Time: {whole}{allowed}{': ' + spent if spent else ''}", hang=2)


def _quota(quota: QuotaFacts) -> str:
    used = "no limit" if quota.limit is None else f"{quota.used} of {quota.limit} requests used in {quota.per:g} s"
    parts = [used, f"{quota.waiting} call{'' if quota.waiting == 1 else 's'} waiting"]
    if quota.paused_for > 0:
        parts.append(f"paused by the server for {_seconds(quota.paused_for)}")
    if quota.mode == "shared":
        parts.append(f"shared by {quota.members} process{'' if quota.members == 1 else 'es'}")
    if quota.mode == "fallback":
        parts.append("its store cannot be reached, so this process sends a fraction")
    return _wrapped("Quota then: " + ", ".join(parts), hang=2)


def _response(error: Any) -> str:
    headers = getattr(error, "headers", None)
    if not headers:
        return ""
    return "Response headers:\n" + "\n".join(f"  {name}: {value}" for name, value in sorted(headers.items()))


def _advice(error: Any, facts: CallFacts | None) -> Iterator[str]:
    classes, status = [cls.__name__ for cls in type(error).__mro__], getattr(error, "status", None)
    told = advice(classes, status if "APIStatusError" in classes else None, str(error))
    yield _sentence(told)
    later = getattr(error, "retry_after", None)
    if later is not None:
        who = "There may be room" if "QuotaExceededError" in classes else "The server asks to come back"
        yield f"{who} in {_seconds(later)}."
    if error.hurried and error.attempts and not {"QuotaExceededError", "DeadlineExceededError"} & {*classes}:
        yield "The call had no time left for another attempt: with more timeout it would have tried again."
    if facts is not None and not facts.request.startswith("GET ") and _may_be_done(error):
        yield "The server may have carried out this write: look before you repeat it."
    elif error.transient and "ScanError" not in classes:
        yield "The same call may succeed later, without any change."


def _may_be_done(error: Any) -> bool:
    return any(attempt.request_sent and not attempt.outcome.startswith("4") for attempt in error.attempts)


def _sentence(text: str) -> str:
    text = text.replace("`", "")
    return text[:1].upper() + text[1:] + "."


def _seconds(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _printable(text: str) -> str:
    return "\n".join(
        "".join(char if char.isprintable() else " " for char in line) for line in text.splitlines()
    ).strip()


def _wrapped(text: str, indent: str = "", hang: int = 0) -> str:
    lines: Iterable[str] = text.splitlines() or [""]
    return "\n".join(
        textwrap.fill(
            line,
            _COLUMNS,
            initial_indent=indent,
            subsequent_indent=indent + " " * (hang or len(line) - len(line.lstrip())),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    )
