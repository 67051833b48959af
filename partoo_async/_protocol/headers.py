"""Which response headers users get to see."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from partoo_async._explain.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["all_headers", "telling_headers"]

# What helps support to find a request, says who answered, or when to come back. Never a cookie, nor what a server may
# have made of the request.
_TELLING = re.compile(
    r"date|age|server|via|content-type|retry-after|www-authenticate|allow|deprecation|sunset"
    r"|(x-)?request-id|(x-)?correlation-id|x-amzn-(trace-id|requestid|errortype)|x-amz-(cf-id|cf-pop|request-id)"
    r"|x-cloud-trace-context|traceparent|cf-ray|x-served-by|x-cache|(x-)?ratelimit(-[a-z-]+)?"
)
_LONGEST = 300  # characters


def telling_headers(headers: Mapping[str, str]) -> Headers:
    """Return the headers of a failure that an error keeps."""
    return Headers((name, _shared(_line(value))) for name, value in _joined(headers) if _TELLING.fullmatch(name))


def all_headers(headers: Mapping[str, str]) -> Headers:
    """Return all headers but cookies."""
    return Headers((name, value) for name, value in _joined(headers) if not name.startswith("set-cookie"))


def _joined(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    lines: dict[str, list[str]] = {}
    for name, value in headers.items():  # a multidict has one for each line
        lines.setdefault(name.lower(), []).append(value)
    return ((name, ", ".join(values)) for name, values in lines.items())


def _line(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value[:_LONGEST]).strip()


@lru_cache(256)
def _shared(value: str) -> str:
    # Thousands of failures have the same server, type and second.
    return value
