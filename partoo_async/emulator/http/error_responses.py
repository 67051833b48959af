"""Which status and body each domain error gets."""

from __future__ import annotations

from aiohttp import web
from attrs import frozen

from partoo_async.emulator import domain_errors as errors
from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.http.http_io import error_response

__all__ = ["ErrorResponses"]

_STATUSES = {errors.UnauthenticatedError: 401, errors.ForbiddenError: 403}
_GATEWAY_PAGE = "<html><head><title>429 Too Many Requests</title></head><body>Too Many Requests</body></html>"


@frozen
class ErrorResponses:
    """The error responses of one emulator."""

    error_key: str
    unknown_status: int
    behaviour: Behaviour

    def respond(self, error: errors.RefusedError) -> web.Response:
        """Return the response for a domain error."""
        if isinstance(error, errors.OverQuotaError):
            return self._over_quota(error)
        if isinstance(error, (errors.InvalidError, errors.UnknownError)):
            return self._with_problems(error)
        status = error.status if isinstance(error, errors.RefusedKeyError) else _STATUSES[type(error)]
        return error_response(status, self.error_key)

    def respond_to_framework(self, error: web.HTTPException) -> web.Response:
        """Return the response for an unknown route, a wrong method or a body too large."""
        # RFC 9110: every 405 lists the methods that are allowed.
        allow = error.headers.get("Allow")
        return error_response(error.status, self.error_key, headers=None if allow is None else {"Allow": allow})

    def _with_problems(self, error: errors.InvalidError | errors.UnknownError) -> web.Response:
        status = 400
        if isinstance(error, errors.UnknownError):
            status = self.unknown_status
        elif isinstance(error, errors.DuplicateError):
            status = error.status
        # 404 and 403 have a documented text instead. For 409 nothing is documented.
        if status not in (400, 409):
            return error_response(status, self.error_key)
        return error_response(status, self.error_key, error.problems if self.behaviour.problem_details else {})

    def _over_quota(self, error: errors.OverQuotaError) -> web.Response:
        headers = {} if error.retry_after is None else {"Retry-After": error.retry_after}
        # The documentation shows no body for a 429. A gateway in front of the API may send a page, or nothing.
        if self.behaviour.quota_body == "html":
            return web.Response(status=429, text=_GATEWAY_PAGE, content_type="text/html", headers=headers)
        if self.behaviour.quota_body == "empty":
            return web.Response(status=429, headers=headers)
        return error_response(429, self.error_key, headers=headers)
