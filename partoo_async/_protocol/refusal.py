"""From a response of any status but a 2xx to its error."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from partoo_async._protocol.error_bodies import decode_error_body, describe_errors
from partoo_async._protocol.headers import telling_headers
from partoo_async._protocol.retry_after import retry_after
from partoo_async._protocol.statuses import status_rule

if TYPE_CHECKING:
    from partoo_async._protocol.http import Request, Response
    from partoo_async.errors import APIStatusError
    from partoo_async.servers import Server

__all__ = ["refused"]

_name_of = lru_cache(64)(str)  # one text for all errors of a scan


def refused(response: Response, request: Request, server: Server) -> APIStatusError:
    """Return the error of a response."""
    status = response.status
    wait = retry_after(response.headers, now=datetime.now(UTC))
    headers = telling_headers(response.headers)
    body, raw = decode_error_body(status, response.body)
    # No detail from HTML, which says nothing in one line, nor from a status below 400. Both stay in ``body``.
    silent = not 400 <= status < 600 or (isinstance(raw, str) and raw.startswith("<"))
    detail = "" if silent else describe_errors(raw)
    return status_rule(status).make(status, body, request.route, wait, detail, _name_of(server), headers=headers)
