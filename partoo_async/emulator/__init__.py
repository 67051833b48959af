"""An in-memory Partoo on a real loopback socket: for tests, for demos, for a first try without an API key.

It is written from the documentation alone and shares no wire code with the client, so that a misreading of the API in
one of them shows as a difference instead of cancelling out. Where the documentation is silent the arguments of
``Emulator`` choose between the possible behaviours::

    async with Emulator() as emulator, PartooClient(api_key=emulator.api_key, server=emulator.server) as partoo:
        group = await partoo.groups.get(section_id=7, group_id=42)
"""

from __future__ import annotations

from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.data.demo import demo_sections
from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedGroup, EmulatedSection
from partoo_async.emulator.data.keys import EmulatedKey
from partoo_async.emulator.data.profiles import generated_sections
from partoo_async.emulator.emulator import Emulator
from partoo_async.emulator.faults import Fault, Faults
from partoo_async.emulator.http.requestlog import SeenRequest

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
