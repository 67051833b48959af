"""Read the body of a response: all of a success; of an error, what comes soon."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_LENGTH
from aiohttp.http import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser, HttpResponseParserPy
from multidict import CIMultiDict, CIMultiDictProxy

from partoo_async._protocol.http import Response
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError, read_body, read_body_nowait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request

__all__ = ["LENIENT", "ResponseReader"]

_MAX_ERROR = 1024 * 1024  # bytes
_ERROR_PATIENCE = 1.0  # seconds
# aiohttp's C parser refuses two Content-Lengths; its Python parser takes one of them.
LENIENT: bool = HttpResponseParser is HttpResponseParserPy


class ResponseReader:
    """Reads the body of a response whose head has arrived. ``broken``: a part of it was left unread."""

    __slots__ = ("_headers", "_protocol", "_status", "_stream", "broken")

    def __init__(
        self, status: int, headers: CIMultiDictProxy[str], stream: StreamReader, protocol: ResponseHandler | None
    ) -> None:
        if LENIENT and len(headers.getall(CONTENT_LENGTH, ())) > 1:
            raise HttpProcessingError(message="a response with two lengths")
        self._status = status
        self._headers = headers
        self._stream = stream
        self._protocol = protocol
        self.broken: bool = False

    def read_nowait(self, key: Secret) -> Response | None:
        """Return the response if all of it arrived with the headers, as mostly, and it is not compressed."""
        body = read_body_nowait(self._stream, self._headers.get(CONTENT_ENCODING))
        return None if body is None else self._response(body, key)

    async def read(self, request: Request, key: Secret, until: float) -> Response:
        """Return the response, for an attempt that ends at ``until``. Raises errors of aiohttp and of ``body``."""
        return self.read_nowait(key) or self._response(await self._wait(request, until), key)

    def _response(self, body: bytes, key: Secret) -> Response:
        if self._status < 300:
            return Response(self._status, self._headers, body, self.broken)
        # A server that quotes the request must not get the key into a log.
        return Response(self._status, _redacted(self._headers, key), key.redact(body), self.broken)

    async def _wait(self, request: Request, until: float) -> bytes:
        """Read the body, or return b"" if it cannot be read and the status is enough."""
        good = 200 <= self._status < 300
        try:
            if good:
                return await self._body(MAX_BODY)
            now = asyncio.get_running_loop().time()
            async with asyncio.timeout_at(min(now + _ERROR_PATIENCE, (now + until) / 2)):
                return await self._body(_MAX_ERROR)
        except (TooLargeError, UnreadableError, HttpProcessingError, aiohttp.ClientError, OSError):
            # A 429 has to pause the quota soon; and a successful write is done, whatever its body.
            if good and request.method == "GET":
                raise
            self.broken = True
            return b""

    async def _body(self, cap: int) -> bytes:
        length = self._headers.get(CONTENT_LENGTH)
        encoding = self._headers.get(CONTENT_ENCODING, "")
        if length is not None:
            return await read_body(self._stream, encoding, int(length), cap=cap)
        with _raise_on_disconnect(self._protocol, self._stream):
            return await read_body(self._stream, encoding, None, cap=cap)


def _redacted(headers: CIMultiDictProxy[str], key: Secret) -> CIMultiDictProxy[str]:
    plain = [(name, key.redact(value.encode("utf-8", "surrogateescape"))) for name, value in headers.items()]
    return CIMultiDictProxy(CIMultiDict((name, value.decode("utf-8", "surrogateescape")) for name, value in plain))


class _PendingRead:
    """The body that is being read from a connection, if any."""

    __slots__ = ("stream",)
    stream: StreamReader | None

    def fail(self, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            closed.exception()  # retrieved, or the event loop would log it
        stream = self.stream
        if stream is not None and not stream.is_eof() and stream.exception() is None:
            stream.set_exception(HttpProcessingError(message="the connection was closed inside the body"))


_pending: WeakKeyDictionary[ResponseHandler, _PendingRead] = WeakKeyDictionary()


@contextlib.contextmanager
def _raise_on_disconnect(protocol: ResponseHandler | None, stream: StreamReader) -> Iterator[None]:
    """Fail a pending body read when the connection closes."""
    # aiohttp closes the connection when a later chunk has no valid size, but leaves the reader waiting.
    closed = None if protocol is None else protocol.closed
    if protocol is None or closed is None:
        yield  # closed already, and the stream knows
        return
    pending = _pending.get(protocol)
    if pending is None:
        # One callback for each connection: it carries thousands of bodies.
        pending = _pending[protocol] = _PendingRead()
        closed.add_done_callback(pending.fail)
    pending.stream = stream
    try:
        yield
    finally:
        pending.stream = None
