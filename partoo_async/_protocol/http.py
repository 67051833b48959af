"""Requests and responses as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define, field

__all__ = ["Request", "Response"]


@define  # not frozen, here and below: made for each request, and setting a frozen field costs three times as much
class Request:
    """One HTTP request, ready to send.

    Attributes:
        path: Starts with a slash. Percent-encoded, with the query.
        template: Method and path with names in place of ids. "" if those are not known.
        may_leave: Asked right before the first byte is written. False: do not send.
    """

    method: str
    path: str
    body: bytes | None = None
    template: str = ""
    may_leave: Callable[[], bool] | None = field(default=None, eq=False, repr=False)

    @property
    def route(self) -> str:
        """Method and path, for messages. Without the query, which may hold what must not be logged."""
        return f"{self.method} {self.path.partition('?')[0]}"


@define
class Response:
    """One HTTP response.

    Attributes:
        headers: Names match in any case.
        body: Decompressed and complete. Empty if ``cut``.
        cut: The body could not be read, but the status says enough without it.
    """

    status: int
    # Not in the repr: a server may quote the request with its key, and tracebacks may show local variables.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: bool = False
