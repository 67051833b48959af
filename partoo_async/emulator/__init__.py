"""A Partoo in memory on a real loopback socket: for tests, for demos, to try the client without an API key.

``emulator`` puts it together, ``arguments`` checks what it is given, ``behaviour`` has the open questions of the API.
``data`` holds the organization, ``http`` serves it, ``rate_limiters`` count requests, ``faults`` spoil responses::

    async with Emulator() as emulator, PartooClient(api_key=emulator.api_key, server=emulator.server) as partoo:
        group = await partoo.groups.get(section_id=7, group_id=42)
"""

# It may import ``errors``, ``servers``, ``policy`` and ``_internal``: no code of the client that reads or writes HTTP.


# Written from the documentation alone, so that a misreading of the API in the client shows as a difference.

from __future__ import annotations

from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.data.demo import demo_sections
from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedGroup, EmulatedSection
from partoo_async.emulator.data.keys import EmulatedKey
from partoo_async.emulator.data.profiles import generated_sections
from partoo_async.emulator.emulator import Emulator
from partoo_async.emulator.faults import Fault, Faults
from partoo_async.emulator.http.request_log import SeenRequest

__all__ = [
    "Behaviour",
    "EmulatedBusiness",
    "EmulatedGroup",
    "EmulatedKey",
    "EmulatedSection",
    "Emulator",
    "Fault",
    "Faults",
    "SeenRequest",
    "demo_sections",
    "generated_sections",
]
