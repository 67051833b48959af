"""How each refusal is worded: the status and the body that stand for a reason of ``rules``."""

from __future__ import annotations

from aiohttp import web
from attrs import Attribute, field, frozen

from partoo_async._internal.checks import check_choice
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.domain_errors import (
    DuplicateError,
    ForbiddenError,
    InvalidError,
    OverQuotaError,
    RefusedError,
    RefusedKeyError,
    UnauthenticatedError,
    UnknownError,
)
from partoo_async.emulator.http.http_io import error_answer

__all__ = ["Refusals"]

_STATUSES = {UnauthenticatedError: 401, ForbiddenError: 403}
_GATEWAY_PAGE = "<html><head><title>429 Too Many Requests</title></head><body>Too Many Requests</body></html>"


@total_repr
@frozen
class Refusals:
    """The wording of one emulator: ``error_key`` and ``unknown_status`` are those of ``Emulator``."""

    error_key: str = field()
    unknown_status: int = field()
    behaviour: Behaviour

    @error_key.validator
    def _check_error_key(self, _: Attribute[str], value: object) -> None:
        check_choice("error_key", value, ("errors", "error"))

    @unknown_status.validator
    def _check_unknown_status(self, _: Attribute[int], value: object) -> None:
        check_choice("unknown_status", value, (404, 403, 400))

    def answer(self, error: RefusedError) -> web.Response:
        """Return the answer for a refused request."""
        if isinstance(error, OverQuotaError):
            return self._over_quota(error)
        if isinstance(error, (InvalidError, UnknownError)):
            return self._with_problems(error)
        status = error.status if isinstance(error, RefusedKeyError) else _STATUSES[type(error)]
        return error_answer(status, self.error_key)

    def framework(self, error: web.HTTPException) -> web.Response:
        """Return the answer for what the framework refuses: an unknown route, a wrong method, a body too large."""
        # RFC 9110 wants the methods that there are in every 405.
        allow = error.headers.get("Allow")
        return error_answer(error.status, self.error_key, headers=None if allow is None else {"Allow": allow})

    def _with_problems(self, error: InvalidError | UnknownError) -> web.Response:
        status = 400
        if isinstance(error, UnknownError):
            status = self.unknown_status
        elif isinstance(error, DuplicateError):
            status = error.status
        if status not in (400, 409):
            return error_answer(status, self.error_key)
        return error_answer(status, self.error_key, error.problems if self.behaviour.problem_details else {})

    def _over_quota(self, error: OverQuotaError) -> web.Response:
        headers = {} if error.retry_after is None else {"Retry-After": error.retry_after}
        if self.behaviour.quota_body == "html":
            return web.Response(status=429, text=_GATEWAY_PAGE, content_type="text/html", headers=headers)
        if self.behaviour.quota_body == "empty":
            return web.Response(status=429, headers=headers)
        return error_answer(429, self.error_key, headers=headers)
