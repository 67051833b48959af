"""From a response to its result, or the error of its status."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from partoo_async._protocol.json import InvalidJSONError, TooManyValuesError
from partoo_async._protocol.operations import as_it_came
from partoo_async._protocol.statuses import UNREADABLE, UNUSABLE

if TYPE_CHECKING:
    from partoo_async._protocol.decoding import Decoder
    from partoo_async._protocol.http import Response
    from partoo_async._protocol.operations import Operation
    from partoo_async.servers import Server

__all__ = ["interpret"]

T = TypeVar("T")


def interpret(operation: Operation[T], response: Response, decoder: Decoder, server: Server) -> T:
    """Return the result of an operation. Raises ``APIStatusError`` or ``APIResponseValidationError``."""
    request = operation.request
    if 200 <= response.status < 300:
        if operation.whole:
            if response.cut:
                # Not to be retried: that would do the write twice.
                problem = "the write was accepted, but its response was cut off @ body"
                raise UNUSABLE.make((problem,), response.status, request.route)
            if operation.read is as_it_came:
                from partoo_async._protocol.headers import all_headers  # noqa: PLC0415 - as below
                from partoo_async._protocol.raw import RawResponse  # noqa: PLC0415 - for these alone

                return cast("T", RawResponse(response.status, all_headers(response.headers), response.body))
        try:
            return operation.read(decoder, response.body, request)
        except InvalidJSONError as error:
            # A body that was cut on its way may come whole next time. A body that is too large stays too large.
            rule = UNUSABLE if isinstance(error, TooManyValuesError) else UNREADABLE
            invalid = rule.make((f"{error} @ $",), response.status, request.route)
        raise invalid  # after the except block: the context would hold the payload
    from partoo_async._protocol.refusal import refused  # noqa: PLC0415 - for failures alone: see import_for_errors

    raise refused(response, request, server)
