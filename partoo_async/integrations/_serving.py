"""What the integrations have in common: the life of the client, and an error as an answer and a line in the log."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from partoo_async._internal.callables import is_async
from partoo_async._internal.checks import check_seconds
from partoo_async._internal.text import one_line
from partoo_async.errors import ConfigurationError
from partoo_async.integrations.problems import problem_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from partoo_async.client import PartooClient
    from partoo_async.errors import PartooError
    from partoo_async.integrations.problems import Problem

__all__ = ["GRACE", "explain", "serving"]

_logger = logging.getLogger("partoo_async.web")

GRACE = 10.0
"""Seconds that calls under way get when the application stops; supervisors usually wait for 30 before they kill."""


def serving(make: Callable[[], PartooClient], grace: float) -> Callable[[], AbstractAsyncContextManager[PartooClient]]:
    """Return a context manager that makes a client in the running loop and closes it with ``grace`` seconds.

    Raises ``ConfigurationError`` at once for a bad argument, and not when the application starts.
    """
    if is_async(make) or not callable(make):
        kind = "an async one" if is_async(make) else type(make).__name__
        raise ConfigurationError(
            f"make: expected a callable that returns a PartooClient, such as the class, not {kind}"
        )
    check_seconds("grace", grace, zero=True)

    @asynccontextmanager
    async def open_client() -> AsyncIterator[PartooClient]:
        # Made here and not before: servers fork their workers, and each needs a client of its own.
        async with make() as client:
            # A page that is asked for after a quiet minute must not find that a scan has taken every slot.
            client.session.quota.hold_reserve()
            try:
                yield client
            finally:
                await client.aclose(grace=grace)

    return open_client


def explain(error: PartooError, method: str, path: str) -> Problem:
    """Return the answer to a visitor, who is told little, after telling the log the rest."""
    problem = problem_of(error)
    text, facts = "%s %r is answered %d: %s", (method, path, problem.status, one_line(str(error)))
    if problem.status == 500:
        _logger.error(text, *facts, exc_info=error)  # a mistake in the application: its place is in the traceback
    elif problem.status > 500:
        _logger.warning(text, *facts)
    return problem
