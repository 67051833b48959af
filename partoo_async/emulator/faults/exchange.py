"""What a fault has to work with: a request, and the answer that the emulator would give to it."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

from aiohttp import web
from attrs import frozen

__all__ = ["Exchange", "chunk", "head"]


def head(status_line: str, *headers: str) -> bytes:
    """Return a whole header block as bytes, the empty line included; the ``headers`` go out exactly as they are."""
    lines = [f"HTTP/1.1 {status_line}", f"Date: {formatdate(usegmt=True)}", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body; of no data, the last chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@frozen
class Exchange:
    """One request with its real answer, or with a stand-in for an answer that was never made.

    ``error_key``: the top-level key of this emulator's error bodies.
    """

    request: web.Request
    response: web.StreamResponse
    error_key: str

    @property
    def body(self) -> bytes:
        """The body of the answer, empty if there is none."""
        body = self.response.body if isinstance(self.response, web.Response) else None
        return body if isinstance(body, bytes) else b""

    @property
    def succeeded(self) -> bool:
        """Whether the answer is a success, and so one whose content is worth spoiling."""
        return 200 <= self.response.status < 300

    def members(self) -> list[tuple[str, Any]] | None:
        """Return the members of the JSON object that the body is, in order; None if it is something else."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return list(value.items()) if isinstance(value, dict) else None

    def head(self, *headers: str, content_type: bool = True) -> bytes:
        """Return the header block of the answer, with more ``headers``; what frames the body has to be among them."""
        own = [
            f"{name}: {value}"
            for name, value in self.response.headers.items()
            if content_type or name.lower() != "content-type"
        ]
        return head(f"{self.response.status} {self.response.reason}", *own, *headers)

    def whole(self) -> bytes:
        """Return the whole answer as it should be."""
        return self.head(f"Content-Length: {len(self.body)}") + self.body

    def with_body(self, body: bytes, *headers: tuple[str, str]) -> web.Response:
        """Return the answer, well framed, with another body; ``headers`` replace its own of the same name."""
        answer = web.Response(body=body, status=self.response.status, headers=self.response.headers)
        answer.headers.update(headers)
        return answer
