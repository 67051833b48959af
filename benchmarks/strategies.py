"""How many requests, and how long, scans of whole organizations take by each strategy.

    python -m benchmarks.strategies     # real limit (300 a minute), virtual time: a minute of wall time

Runs the client as it is on a faked clock. A simulated network stands in for its connections, 20 to 200 ms each way, and
the emulator's data and handlers for Partoo. Each result is compared with that data. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import make_mocked_request

from benchmarks.quota_servers import KINDS
from benchmarks.quota_virtual import SimulatedTransport
from partoo_async import PartooClient, RateLimit, ScanReport
from partoo_async._protocol.http import Request, Response
from partoo_async.emulator import Behaviour, EmulatedSection, generated_sections
from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.keys import Caller
from partoo_async.emulator.data.profiles import PROFILES
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.http.business_handlers import BusinessHandlers
from partoo_async.emulator.http.http_io import BASE_PATH, CALLER, routes_of
from partoo_async.emulator.http.section_handlers import SectionHandlers
from tests.support.virtual import run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterable

STRATEGIES = ("groups", "businesses", "auto")


class EmulatedTransport(SimulatedTransport):
    """The operations of the emulator, without its sockets."""

    def __init__(self, sections: Iterable[EmulatedSection]) -> None:
        super().__init__(KINDS["sliding"][1](RateLimit(), lambda: asyncio.get_running_loop().time()), seed=0)
        store = Store({section.id: section for section in sections}, {}, Behaviour())
        self.index = index = BusinessIndex(store, 0)
        routes = [*routes_of(SectionHandlers(store, index)), *routes_of(BusinessHandlers(store, index))]
        self.handlers: list[tuple[str, re.Pattern[str], Any]] = [
            (route.method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route.handler)
            for route in routes
        ]

    async def answer(self, request: Request) -> Response:
        path, _, query = request.path.partition("?")
        for method, pattern, handler in self.handlers:
            found = pattern.fullmatch(BASE_PATH + path)
            if found and method == request.method:
                made = make_mocked_request(method, f"{BASE_PATH}{path}?{query}", match_info=found.groupdict())
                made[CALLER] = Caller("key-1")
                response = await handler(made)
                return Response(response.status, {}, response.body)
        raise LookupError(request.path)


async def scan(transport: EmulatedTransport, strategy: Any, *, businesses: bool) -> ScanReport:
    async with PartooClient("key", server="http://127.0.0.1:9/v2", transport=transport) as client:
        report = await client.scan_all(strategy=strategy, businesses=businesses).collect()
    report.raise_for_failures()
    assert not report.fallback
    return report


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs="+", choices=PROFILES, default=[*PROFILES])
    arguments = parser.parse_args()
    logging.getLogger("partoo_async").setLevel(logging.ERROR)
    print("\nRequests and seconds, without and with names:\n")
    columns = ("profile", "sections", "groups", "businesses", "strategy")
    row(*columns, "requests", "seconds", "with names", "seconds")
    row("---", "--:", "--:", "--:", "---", *["--:"] * 4)
    for profile in arguments.profiles:
        compare(profile)


def compare(profile: Any) -> None:
    sections = generated_sections(profile)
    truth = {group.id: {*group.business_ids} for section in sections for group in section.groups.values()}
    sizes = [f"{size:,}" for size in (len(sections), len(truth), PROFILES[profile].businesses)]
    for strategy in STRATEGIES:
        cells = []
        for businesses in (False, True):
            report = run_virtual(scan(EmulatedTransport(sections), strategy, businesses=businesses))
            assert {item.group_id: {*item.group.business_ids} for item in report.succeeded} == truth
            cells += [f"{report.requests:,}", f"{report.seconds:,.1f}"]
        row(profile, *sizes, f"auto, takes {report.strategy}" if strategy == "auto" else strategy, *cells)


if __name__ == "__main__":
    main()
