"""aiohttp sends a GET again by itself when its connection dropped, unseen by the quota: that is switched off here."""

from __future__ import annotations

import aiohttp

__all__ = ["SendOnce", "stop_resends"]


class SendOnce:
    """An aiohttp middleware that refuses the resend of a GET whose connection dropped.

    aiohttp does that by itself and in silence, so that the quota would not see the second request.
    """

    __slots__ = ("error", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.error: Exception | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self.error is not None:
            raise self.error
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            # A new one, without the frames that lead to the request's headers.
            self.error = aiohttp.ClientPayloadError(f"{type(error).__name__}: connection dropped before the answer")
            raise


def stop_resends(session: aiohttp.ClientSession) -> bool:
    """Switch aiohttp's resend off, and return whether it could be: the attribute is private and may go.

    Not for a borrowed session, which others use, too.
    """
    if not hasattr(session, "_retry_connection"):
        return False
    session._retry_connection = False
    return True
