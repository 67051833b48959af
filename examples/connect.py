"""How the examples get their client. Your own code needs just ``async with PartooClient() as partoo``."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from partoo_async import PartooClient
from partoo_async.emulator import Emulator


@asynccontextmanager
async def connect() -> AsyncIterator[PartooClient]:
    """Yield a client of the server in the environment, or else of an emulator with demo data."""
    if "PARTOO_API_KEY" in os.environ or "PARTOO_SERVER" in os.environ:
        async with PartooClient() as partoo:
            yield partoo
    else:
        async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as partoo:
            yield partoo
