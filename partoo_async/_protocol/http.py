"""Requests and responses as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr
from partoo_async._internal.values import Slotted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Request", "Response"]


@total_repr
class Request(Slotted):
    """One HTTP request, ready to send."""

    __slots__ = ("body", "method", "path", "template")

    def __init__(self, method: str, path: str, body: bytes | None = None, template: str = "") -> None:
        self.method: str = method
        self.path: str = path  # percent-encoded, with the query; starts with a slash
        self.body: bytes | None = body
        self.template: str = template  # method and path with names in place of ids, "" if those are not known

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {self.path!r}, {self.body!r}, {self.template!r})"

    @property
    def route(self) -> str:
        """Method and path, for messages."""
        # Without the query, which may hold what must not be logged.
        return f"{self.method} {self.path.partition('?')[0]}"


class Response(Slotted):
    """One HTTP response.

    Its repr has no headers and no body: a server may quote the request with its key, and tracebacks may show it.
    """

    __slots__ = ("body", "cut", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, cut: bool = False) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = headers  # names match in any case
        self.body: bytes = body  # decompressed and complete, or empty if ``cut``
        self.cut: bool = cut  # the body could not be read, but the status says enough without it
