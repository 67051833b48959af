"""What ``client.request(raw=True)`` returns."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from partoo_async._internal.values import Compared

__all__ = ["RawResponse"]


@frozen(eq=False, repr=False)
class RawResponse(Compared):
    """A successful response as it came.

    Attributes:
        status: From 200 to 299.
        headers: All but cookies, with names in lower case. Several lines of one name are joined by a comma.
        body: Decompressed, not decoded.
    """

    status: int
    # Not in the repr, which gets into logs: the body may be of 32 MiB, and either may be personal.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=lambda body: f"<{len(body):,} bytes>")
