"""Sends requests and returns complete responses. The only room of the client that imports aiohttp.

It may import ``_protocol`` and what lies below. A call sees a ``Transport`` (``base``); ``mock`` is one for tests, and
``aiohttp_transport`` the real one. It sends on the ``fast_path`` while there is no proxy and nothing hooks the session
(``fast_path_guard``), else on the ``session_path``. ``connector`` guards the pooled connections.
"""

# Errors are raised after the ``except`` block, never inside: aiohttp's frames and exceptions hold the API key, and a
# chained exception would carry them along.

from partoo_async._transport.aiohttp_transport import AiohttpTransport, choose_transport
from partoo_async._transport.attempt_timer import AttemptTimer, TimedTask
from partoo_async._transport.base import CLOSED, Exchange, HeldBackError, Transport

__all__ = [
    "CLOSED",
    "AiohttpTransport",
    "AttemptTimer",
    "Exchange",
    "HeldBackError",
    "TimedTask",
    "Transport",
    "choose_transport",
]
