"""How much of an answer is read, and for how long: all of a success, of anything else what comes soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_LENGTH
from aiohttp.http import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser, HttpResponseParserPy

from partoo_async._protocol.http import Response
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError, body_at_hand, read_body
from partoo_async._transport.disconnects import raise_on_disconnect

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader
    from multidict import CIMultiDictProxy

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request

__all__ = ["ResponseReader"]

_MAX_ERROR = 1024 * 1024  # bytes
_ERROR_PATIENCE = 1.0  # seconds
# The parser that aiohttp has in C refuses an answer with two lengths; the one in Python takes either.
_LENIENT = HttpResponseParser is HttpResponseParserPy


class ResponseReader:
    """An answer whose head has come, and whose body is read here. ``broken``: a part of it was left unread."""

    __slots__ = ("_headers", "_protocol", "_status", "_stream", "broken")

    def __init__(
        self, status: int, headers: CIMultiDictProxy[str], stream: StreamReader, protocol: ResponseHandler | None
    ) -> None:
        if _LENIENT and len(headers.getall(CONTENT_LENGTH, ())) > 1:
            raise HttpProcessingError(message="an answer with two lengths")
        self._status = status
        self._headers = headers
        self._stream = stream
        self._protocol = protocol
        self.broken: bool = False

    def read_nowait(self, key: Secret) -> Response | None:
        """Return all of the answer if it came whole with its headers, as it mostly does, and needs no decoding."""
        body = body_at_hand(self._stream, self._headers.get(CONTENT_ENCODING))
        return None if body is None else self._response(body, key)

    async def read(self, request: Request, key: Secret, until: float) -> Response:
        """Return all of the answer.

        ``until``: the event loop time at which the attempt ends. Raises errors of aiohttp and those of ``body``.
        """
        return self.read_nowait(key) or self._response(await self._wait(request, until), key)

    def _response(self, body: bytes, key: Secret) -> Response:
        if self._status >= 300:
            body = key.redact(body)  # a server that quotes the request must not get it into a log
        return Response(self._status, self._headers, body, self.broken)

    async def _wait(self, request: Request, until: float) -> bytes:
        """Read what has not come yet, or b"" when it cannot be had and the status says enough alone."""
        good = 200 <= self._status < 300
        try:
            if good:
                return await self._body(MAX_BODY)
            now = asyncio.get_running_loop().time()
            async with asyncio.timeout_at(min(now + _ERROR_PATIENCE, (now + until) / 2)):
                return await self._body(_MAX_ERROR)
        except (TooLargeError, UnreadableError, HttpProcessingError, aiohttp.ClientError, OSError):
            # A 429 has to close the gate, and soon; and a write that was done is done.
            if good and request.method == "GET":
                raise
            self.broken = True
            return b""

    async def _body(self, cap: int) -> bytes:
        length = self._headers.get(CONTENT_LENGTH)
        encoding = self._headers.get(CONTENT_ENCODING, "")
        if length is not None:
            return await read_body(self._stream, encoding, int(length), cap=cap)
        with raise_on_disconnect(self._protocol, self._stream):
            return await read_body(self._stream, encoding, None, cap=cap)
