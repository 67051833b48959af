"""Error bodies: the documented classes where they fit, and one line for people."""

from __future__ import annotations

from partoo_async._internal.error_models import BadRequestBody, ForbiddenBody, UnauthenticatedBody
from partoo_async._protocol.converters import structure
from partoo_async._protocol.json import InvalidJSONError, decode_exactly

__all__ = ["decode_error_body", "describe_errors"]

_MAX_EXCERPT = 2000  # characters
_MAX_DETAIL = 300

# Status -> the documented body, and the field of its errors that holds the message.
_ERROR_BODIES: dict[int, tuple[type, str]] = {
    400: (BadRequestBody, "json"),
    401: (UnauthenticatedBody, "authentication"),
    403: (ForbiddenBody, "authorization"),
}


def decode_error_body(status: int, body: bytes) -> tuple[object, object]:
    """Return a body as the documented class of its status, if it fits, and as JSON, text or None. Never raises."""
    try:
        raw = decode_exactly(body)
    except InvalidJSONError:
        # A character takes at most 4 bytes.
        text = body[: 4 * _MAX_EXCERPT].decode("utf-8", "replace").strip()[:_MAX_EXCERPT] or None
        return text, text
    documented = _ERROR_BODIES.get(status)
    if documented is None or not isinstance(raw, dict):
        return raw, raw
    cls, message = documented
    errors = raw.get("errors", raw.get("error"))
    if isinstance(errors, dict) and errors and message not in errors:
        return raw, raw  # the default text of the class would hide what the server said
    try:
        return structure({"errors": errors}, cls), raw
    except Exception:  # cattrs may raise anything: a body that does not fit stays as it came
        return raw, raw


def describe_errors(body: object) -> str:
    """Return the messages of a decoded error body as one line for people, or ""."""
    # All documented variants are read: ``errors`` or ``error`` on top, under it an object, a list or a string.
    if isinstance(body, dict):
        body = body.get("errors", body.get("error", body))
    text = "; ".join(_leaves(body, "", 0))
    # It gets on terminals and into logs: no line breaks, no escape sequences.
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"


def _leaves(value: object, label: str, depth: int) -> list[str]:
    if depth > 4:  # bounded, like the breadth below: the server decides what the body is
        return []
    if isinstance(value, dict):
        parts: list[str] = []
        for key, inner in list(value.items())[:10]:
            # These three say where the API puts its message, not what is wrong.
            known = depth == 0 and key in ("json", "authentication", "authorization")
            parts += _leaves(inner, label if known else f"{label}.{key}".lstrip("."), depth + 1)
        return parts
    if isinstance(value, list):
        return [part for inner in value[:10] for part in _leaves(inner, label, depth + 1)]
    if value is None or isinstance(value, bool):
        return []
    text = " ".join(str(value).split())
    return [f"{label}: {text}" if label else text] if text else []
