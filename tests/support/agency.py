"""Many organizations behind simulated connections, each with a key: for scans of all of them in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from partoo_async import Organization, scan_many
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from partoo_async.testing import MockTransport
from tests.support.simulated import SERVER, Partoo

REFUSED = Response(401, {}, b'{"errors": {"authentication": "User not authenticated"}}')


class Agency(MockTransport):
    """A transport that gives each request to the Partoo of its key; an unknown key is refused.

    ``down``: keys for which the server fails. ``busy`` and ``busiest``: organizations with a request in flight.
    """

    def __init__(self, groups: Mapping[str, int], *, late: float = 1.0) -> None:
        # Each organization has one section, 7, with so many groups.
        self.partoos = {
            name: Partoo({7: list(range(count))}, seed=number, late=late)
            for number, (name, count) in enumerate(groups.items())
        }
        self.down: set[str] = set()
        self.refused: set[str] = set()
        self.closed = False

    def organizations(self, sections: Sequence[int] | None = None, **others: Any) -> dict[str, Organization]:
        return {name: Organization(f"key-of-{name}", sections) for name in self.partoos} | others

    @property
    def requests_by_name(self) -> dict[str, int]:
        return {name: len(partoo.arrived) for name, partoo in self.partoos.items()}

    @property
    def in_flight(self) -> int:
        return sum(partoo.in_flight for partoo in self.partoos.values())

    async def send(self, exchange: Exchange) -> Response:
        name = exchange.key.reveal().removeprefix("key-of-")
        if name not in self.partoos or name in self.refused:
            return REFUSED
        partoo = self.partoos[name]
        if name in self.down:
            partoo.arrived.append((asyncio.get_running_loop().time(), (0, None)))
            await asyncio.sleep(partoo.delay((0, None)))
            return Response(503, {}, b"{}")
        if exchange.request.path.startswith("/sections?"):
            return self._listed(partoo)
        return await partoo.send(exchange)

    @staticmethod
    def _listed(partoo: Partoo) -> Response:
        partoo.arrived.append((asyncio.get_running_loop().time(), (0, None)))
        rest = {"groups": [], "can_edit": True, "has_puller": False}
        sections = [{"id": section_id, "name": f"S{section_id}", **rest} for section_id in partoo.sections]
        return Response(200, {}, json.dumps({"sections": sections, "page": 1, "max_page": 1}).encode())


def scans_of(agency: Agency, organizations: Mapping[str, Organization] | None = None, **options: Any) -> Any:
    """Return the iterator of ``scan_many`` over an agency."""
    return scan_many(
        agency.organizations() if organizations is None else organizations,
        server=SERVER,
        transport=agency,
        **options,
    )


def assert_nothing_left(agency: Agency) -> None:
    """No task but this one, no request in flight, and the transport closed."""
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert agency.in_flight == 0
    assert agency.closed
