"""What the framework modules share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from partoo_async._internal.callables import is_async
from partoo_async._internal.checks import check_seconds
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from partoo_async.client import PartooClient

__all__ = ["GRACE", "client_lifespan", "hold_reserve"]

# Seconds that calls under way get when the application stops; supervisors usually wait for 30 before they kill.
GRACE = 10.0


# A context manager, so that each framework wraps it in a form of its own.
def client_lifespan(
    make: Callable[[], PartooClient], grace: float
) -> Callable[[], AbstractAsyncContextManager[PartooClient]]:
    # Checked now, and not when the application starts.
    if is_async(make) or not callable(make):
        kind = "an async one" if is_async(make) else type(make).__name__
        raise ConfigurationError(
            f"make: expected a callable that returns a PartooClient, such as the class, not {kind}"
        )
    check_seconds("grace", grace, zero=True)

    @asynccontextmanager
    async def open_client() -> AsyncIterator[PartooClient]:
        # Not made before: servers fork their workers, and each needs a client of its own.
        async with make() as client:
            try:
                yield hold_reserve(client)
            finally:
                await client.aclose(grace=grace)

    return open_client


def hold_reserve(client: PartooClient) -> PartooClient:
    # A page that is asked for after a quiet minute must not find every slot taken by a scan, so bulk work leaves the
    # reserve free at all times.
    client.session.quota.hold_reserve()
    return client
