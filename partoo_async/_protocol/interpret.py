"""What an answer means: the typed value that an operation reads from it, or the error that its status calls for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from partoo_async._protocol.converters import decode_error_body
from partoo_async._protocol.http import describe_errors, error_class, retry_after, retryable_status
from partoo_async._protocol.json import InvalidJSONError, TooManyValuesError
from partoo_async.errors import APIResponseValidationError, APIStatusError

if TYPE_CHECKING:
    from partoo_async._protocol.converters import Decoder
    from partoo_async._protocol.http import Response
    from partoo_async._protocol.operations import Operation
    from partoo_async.servers import Server

__all__ = ["judge"]

T = TypeVar("T")


def judge(operation: Operation[T], response: Response, decoder: Decoder, server: Server) -> T:
    """Return the typed answer, or raise what its status or its body calls for."""
    route = operation.request.route
    if 200 <= response.status < 300:
        if response.cut and operation.whole:
            # Not to be tried again: that would do it twice.
            problem = "the write was accepted, but its answer was cut off @ body"
            raise APIResponseValidationError((problem,), response.status, route)
        problem = ""
        try:
            return operation.read(decoder, response.body, route)
        except InvalidJSONError as error:
            invalid = APIResponseValidationError((f"{error} @ $",), response.status, route)
            # What has been cut on its way may come whole the next time; what is too large will be so again.
            invalid.transient = not isinstance(error, TooManyValuesError)
        raise invalid
    raise _status_error(response, route, server)


def _status_error(response: Response, route: str, server: Server) -> APIStatusError:
    status = response.status
    wait = retry_after(response.headers, now=datetime.now(UTC))
    body, raw = decode_error_body(status, response.body)
    # HTML says nothing in one line, and what comes with a status of no error is no message; both stay in ``body``.
    silent = not 400 <= status < 600 or (isinstance(raw, str) and raw.startswith("<"))
    detail = "" if silent else describe_errors(raw)
    error = error_class(status)(status, body, route, wait, detail, str(server))
    error.transient = retryable_status(status)
    return error
