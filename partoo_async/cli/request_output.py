"""How ``partoo request`` prints: JSON laid out for people, bytes as they came for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import attrs

from partoo_async._explain.curl import curl_words
from partoo_async._explain.statuses import phrase
from partoo_async._internal.text import json_safe
from partoo_async._protocol.http import Request
from partoo_async.cli.output import print_json, print_result, write_bytes
from partoo_async.cli.text import clean, json_value, one_line

__all__ = ["Show", "curl_line", "print_request", "printed_error", "show_object", "show_response"]

Show: TypeAlias = Callable[[int, Mapping[str, str], bytes], Awaitable[None]]
"""Prints status, headers and body."""


async def print_request(request: Request, base_url: str, *, as_json: bool) -> None:
    """Print what would be sent, and how to send it with curl."""
    if as_json:
        body, url = _decoded(request.body or b""), base_url + request.path
        await print_json({"method": request.method, "url": url, "body": body, "curl": curl_line(request, base_url)})
        return
    _print(f"{request.method} {base_url}{request.path}\n\n")
    if request.body is not None:
        await _print_body(request.body)
        _print("\n" if sys.stdout.isatty() else "\n\n")
    _print(f"{curl_line(request, base_url)}\n")


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


async def show_response(status: int, headers: Mapping[str, str], body: bytes, *, include: bool) -> None:
    """Print a response, with ``include`` its status and headers too."""
    if include:
        _print_head(status, headers)
    await _print_body(body)


async def show_object(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Print a response as one JSON object."""
    await print_json({"status": status, "headers": dict(headers), "body": _decoded(body)})


def _decoded(body: bytes) -> Any:
    try:
        return json_value(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")


def _print_head(status: int, headers: Mapping[str, str]) -> None:
    lines = [f"HTTP/1.1 {phrase(status)}", *(f"{name}: {one_line(value)}" for name, value in headers.items()), ""]
    _print("".join(f"{line}\n" for line in lines))


async def _print_body(body: bytes) -> None:
    if not sys.stdout.isatty():
        await write_bytes(body)
        return
    try:
        laid_out = json_safe(json.dumps(json_value(body), ensure_ascii=False))
    except (ValueError, RecursionError):  # it may be nested too deeply to be written, too
        text = clean(body.decode("utf-8", "replace"), keep="\n\t")
        _print(text if not text or text.endswith("\n") else f"{text}\n")
    else:
        from rich.json import JSON  # noqa: PLC0415 - what goes into a pipe needs no rich

        print_result(JSON(laid_out, indent=2, highlight=True))


def printed_error(body: object) -> bytes:
    """Return the decoded body of an error as bytes again."""
    if body is None:
        return b""
    if isinstance(body, str):
        return f"{body}\n".encode()
    value: Any = body
    if attrs.has(type(body)):
        value = attrs.asdict(value)
    return f"{json.dumps(value, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def curl_line(request: Request, base_url: str) -> str:
    """Return the command that sends the same request with curl."""
    body = None if request.body is None else request.body.decode()
    return " ".join(curl_words(request.method, base_url + request.path, body))
