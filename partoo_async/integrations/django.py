"""Django: errors as responses. The client and the deadline come from ``partoo_async.integrations.asgi``."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

from partoo_async.integrations.problems import log_problem, partoo_error_in

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["problem_middleware"]


def problem_middleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Respond with a ``Problem`` to errors of this package, and log them to ``partoo_async.web``.

    As ``"partoo_async.integrations.django.problem_middleware"`` in ``MIDDLEWARE``, for sync and async views.

    Args:
        get_response: The rest of the chain, which Django passes.
    """
    # Django asks the function itself whether it is a coroutine function, and turns errors into responses of its own
    # unless this attribute does.
    middleware: Any = _awaiting(get_response) if iscoroutinefunction(get_response) else _calling(get_response)
    middleware.process_exception = _respond
    return middleware  # type: ignore[no-any-return]


problem_middleware.sync_capable = problem_middleware.async_capable = True  # type: ignore[attr-defined]


def _awaiting(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def middleware(request: Any) -> Any:
        return await get_response(request)

    return middleware


def _calling(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        return get_response(request)

    return middleware


def _respond(request: Any, error: Exception) -> Any:
    ours = partoo_error_in(error)
    if ours is None:
        return None
    problem = log_problem(ours, request.method, request.path)
    return HttpResponse(problem.body, status=problem.status, headers=problem.headers)
