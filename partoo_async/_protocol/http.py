"""Requests and responses as plain values."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from partoo_async._internal.values import Compared

__all__ = ["Request", "Response"]


# Not frozen, here and below: made for each request, and setting a frozen field costs three times as much.
@define(eq=False, repr=False)
class Request(Compared):
    """One HTTP request, ready to send."""

    method: str
    path: str  # percent-encoded, with the query; starts with a slash
    body: bytes | None = None
    template: str = ""  # method and path with names in place of ids, "" if those are not known

    @property
    def route(self) -> str:
        """Method and path, for messages."""
        # Without the query, which may hold what must not be logged.
        return f"{self.method} {self.path.partition('?')[0]}"


@define(eq=False, repr=False)
class Response(Compared):
    """One HTTP response."""

    status: int
    # Not in the repr: a server may quote the request with its key, and tracebacks may show local variables.
    headers: Mapping[str, str] = field(repr=False)  # names match in any case
    body: bytes = field(repr=False)  # decompressed and complete, or empty if ``cut``
    cut: bool = False  # the body could not be read, but the status says enough without it
