"""What an answer that is no success is called in messages: the one place that words them."""

from __future__ import annotations

from http import HTTPStatus

__all__ = ["status_message"]


def status_message(status: int, route: str, detail: str, server: str) -> str:
    """Return the message of an error that a status stands for. ``detail``: what the server said, on one line."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    message = phrase + (f" for {route}" if route else "") + (f": {detail}" if detail else "")
    if status in (401, 403) and server:
        # The commonest cause by far: production and sandbox keys look the same and are not interchangeable.
        why = "is this" if status == 401 else "the key may lack the right, a puller may lock the target, or it is"
        message += f" (sent to {server}; {why} a key of another server, such as a sandbox key on production?)"
    if 300 <= status < 400 and status != 304:
        message += " (redirects are never followed: the key goes to the chosen server only; check the server's URL)"
    return message
