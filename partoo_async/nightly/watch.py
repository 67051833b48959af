"""Repeats rounds, whether or not one fails."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from partoo_async._internal.describe import describe
from partoo_async.errors import PartooError
from partoo_async.nightly.rounds import next_round
from partoo_async.nightly.run import NotDeliveredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["repeat"]

_logger = logging.getLogger("partoo_async.nightly")


async def repeat(run: Callable[[], Awaitable[object]], every: float) -> NoReturn:
    """Run rounds until cancelled: now, and every so many seconds from now on.

    Raises ``PartooError`` if it is not transient and no round has succeeded yet.
    """
    clock = asyncio.get_running_loop().time
    begins, proven = clock(), False
    while True:
        try:
            await run()
            proven = True
        except NotDeliveredError as error:
            proven = True
            _logger.warning("the changes of this round come again with the next one: %s", error)
        except PartooError as error:
            # What has worked can work again, such as after a key was replaced or a disk was full. What never has is
            # probably a mistake in the configuration, which somebody should see now.
            if not proven and not error.transient:
                raise
            _logger.warning("this round failed: %s", describe(error))
        now = clock()
        begins = next_round(begins, every, now)
        await asyncio.sleep(begins - now)
