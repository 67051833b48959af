"""The connections: the only room of the client that knows aiohttp. It may import ``_protocol`` and below.

Every error of aiohttp and of the operating system becomes one of ours here, around the whole exchange, body included.
It is raised after the ``except`` block, never inside it: aiohttp's frames and exceptions hold the API key, and a
chained exception would carry them along.

A call talks to a ``Transport`` (``base``). ``aiohttp_transport`` is the real one: it sends on the ``fast_path`` when
nothing hooks the session (``fast_path_guard``), else on the ``session_path``.
"""

from partoo_async._transport.aiohttp_transport import AiohttpTransport
from partoo_async._transport.attempt_timer import AttemptTimer, TimedTask
from partoo_async._transport.base import Exchange, HeldBackError, Transport

__all__ = ["AiohttpTransport", "AttemptTimer", "Exchange", "HeldBackError", "TimedTask", "Transport"]
