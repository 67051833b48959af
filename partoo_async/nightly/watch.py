"""Rounds that repeat, come what may: an outage of the server, of the destination, or of who is told."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.nightly.rounds import next_round
from partoo_async.scan.rows import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["NotDeliveredError", "repeat"]

_logger = logging.getLogger("partoo_async.nightly")


class NotDeliveredError(Exception):
    """The changes of a round did not reach who is to be told. They come again with the next round."""


async def repeat(run: Callable[[], Awaitable[object]], every: float) -> NoReturn:
    """Run rounds until cancelled. The first begins now, the others at whole multiples of ``every`` after it.

    Args:
        run: Runs a round.
        every: Seconds from the beginning of a round to that of the next.

    Raises:
        PartooError: The first rounds failed, and not for a passing reason.
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
            # What has worked can work again: a database that is down looks like one that is not there. What has not
            # is rather a mistake, which somebody should see now.
            if not proven and (isinstance(error, ConfigurationError) or not error.transient):
                raise
            _logger.warning("this round failed: %s", describe(error))
        now = clock()
        begins = next_round(begins, every, now)
        await asyncio.sleep(begins - now)
