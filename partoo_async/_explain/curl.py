"""A request as a line for the shell, without the key and without what may be personal."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from partoo_async._explain.facts import CallFacts

__all__ = ["curl", "curl_words", "shown_body", "shown_target"]

# Parameters whose values are numbers or words of the API. Of others, such as a search, only the name is shown.
_HARMLESS = {"page", "per_page", "org_id", "order_by"}
_LONGEST_BODY = 300  # bytes


def shown_target(path: str) -> str:
    """Return a path with its query, in which ``***`` stands for what an error must not hold."""
    plain, _, query = path.partition("?")
    pairs = [
        f"{quote(name)}={quote(value) if name in _HARMLESS and value.isalnum() and len(value) < 20 else '***'}"
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"{plain}?{'&'.join(pairs)}" if pairs else plain


def shown_body(body: bytes | None, *, documented: bool) -> str | None:
    """Return a body of a documented endpoint, which has names and ids alone. "" stands for any other one."""
    if body is None:
        return None
    return body.decode("utf-8", "replace") if documented and len(body) <= _LONGEST_BODY else ""


def curl_words(method: str, url: str, body: str | None) -> list[str]:
    """Return the parts of the command, with ``body.json`` for a body of "". The key is the shell's to fill in."""
    parts = [f'curl -H "x-APIKey: $PARTOO_API_KEY" -X {method}']
    if body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"--data {_quoted(body)}" if body else "--data @body.json")
    return [*parts, _quoted(url)]


def curl(facts: CallFacts) -> str:
    """Return the command for a call that failed."""
    method, _, target = facts.request.partition(" ")
    parts = curl_words(method, facts.base_url + target, facts.body)
    return " \\\n    ".join(parts) if len(" ".join(parts)) > 76 else " ".join(parts)


def _quoted(text: str) -> str:
    # Always, where shlex.quote does not quote what it finds safe.
    return "'" + text.replace("'", "'\"'\"'") + "'"
