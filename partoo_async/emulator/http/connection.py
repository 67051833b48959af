"""One connection of a client: what can be answered from its bytes is, and the rest goes to the framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from attrs import define, field

from partoo_async.emulator.http.quick_reads import is_one_get

__all__ = ["Connection"]


@define(eq=False)
class Connection(asyncio.Protocol):
    """A connection around the framework's own protocol.

    ``answer`` returns the response to the bytes of a request, None for the framework. ``used``: whether it has served
    a request.
    """

    framework: asyncio.Protocol
    answer: Callable[[bytes], bytes | None]
    used: bool = field(init=False, default=False)
    # Whether the framework may still have something to read or to send here: until it is done, everything is its own,
    # or responses would overtake each other.
    _busy: bool = field(init=False, default=False)
    _last: bool = field(init=False, default=False)  # whether it is done with the request it has now
    _paused: bool = field(init=False, default=False)
    _transport: asyncio.Transport | None = field(init=False, default=None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.framework.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Answer, or pass on."""
        if not self._busy and not self._paused:
            response = self.answer(data)
            if response is not None and self._transport is not None:
                self.used = True
                self._transport.write(response)
                return
        # After anything but one whole request there is no telling when the framework is done.
        self._last = not self._busy and is_one_get(data)
        self._busy = True
        self.framework.data_received(data)

    def done(self, _: object = None) -> None:
        """Take note that the framework has answered a request."""
        self._busy = not self._last

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self.framework.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on."""
        self.framework.connection_lost(exc)

    def pause_writing(self) -> None:
        """Leave a client that does not read to the framework, which waits for it."""
        self._paused = True
        self.framework.pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        self.framework.resume_writing()
