"""Rounds that repeat, come what may."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from partoo_async.errors import PartooError
from partoo_async.nightly.rounds import next_round
from partoo_async.nightly.run import NotDeliveredError
from partoo_async.scan.rows import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["repeat"]

_logger = logging.getLogger("partoo_async.nightly")


async def repeat(run: Callable[[], Awaitable[object]], every: float) -> NoReturn:
    """Run rounds until cancelled: now, and every so many seconds from now on.

    Raises ``PartooError`` if none has come through yet, and the reason is no passing one.
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
            # What has worked can work again: a key that is being replaced, say, or a disk that is full. What has not is
            # rather a mistake, which somebody should see now.
            if not proven and not error.transient:
                raise
            _logger.warning("this round failed: %s", describe(error))
        now = clock()
        begins = next_round(begins, every, now)
        await asyncio.sleep(begins - now)
