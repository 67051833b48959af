"""The connections: the only part of the client that knows aiohttp.

Every error of aiohttp and of the operating system is translated here, around the whole exchange, body included. The
translation is raised after the ``except`` block, never inside it: aiohttp's frames and exceptions hold the API key,
and a chained exception would carry them along.
"""

from partoo_async._transport.aiohttp_transport import Transport
from partoo_async._transport.attempt_timer import Deadlines
from partoo_async._transport.connector import CancelledUnsentError, HeldBackError

__all__ = ["CancelledUnsentError", "Deadlines", "HeldBackError", "Transport"]
