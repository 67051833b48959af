"""Scans of a whole organization: every page of its sections, whatever the list says of pages and of groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partoo_async import (
    ConfigurationError,
    Event,
    InternalServerError,
    NotFoundError,
    PartooClient,
    PermissionDeniedError,
    RequestEvent,
    RetryPolicy,
    Scan,
    ScanError,
    ScanPlan,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal import reader as recording
from partoo_async.scan.scope import Scope
from tests.support.common import FAST, TLS
from tests.support.raw_server import answer, raw_server
from tests.support.simulated import recorded


def section(number: int, groups: int = 2) -> EmulatedSection:
    """A section whose groups are numbered from a hundred times its own number."""
    first = number * 100
    members = {first + n: EmulatedGroup(first + n, f"G{n}", business_ids=[f"b{n}"]) for n in range(groups)}
    return EmulatedSection(number, f"S{number}", members)


def organization(sections: int) -> Emulator:
    return Emulator(sections=[section(number) for number in range(1, sections + 1)], rate_limit=None)


def client_of(emulator: Emulator) -> PartooClient:
    return PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, retry=FAST, ssl_context=TLS)


def keys(items: Any) -> list[tuple[int, int | None]]:
    return sorted((item.section_id, item.group_id) for item in items)


def pages_asked(emulator: Emulator) -> int:
    return [seen.path for seen in emulator.requests].count("/v2/sections")


async def test_every_page_is_walked() -> None:
    """65 sections on pages of 30 take three pages; each section is read once, and each of its groups."""
    async with organization(65) as emulator, client_of(emulator) as client:
        async with client.scan_all() as scan:
            plan = scan.plan
            items = [item async for item in scan]
        assert keys(items) == [(s, s * 100 + n) for s in range(1, 66) for n in range(2)]
        assert plan == ScanPlan(65, 130, 130 + 65 + 3, plan.seconds)
        assert pages_asked(emulator) == 3
        assert len(emulator.requests) == scan.report().requests == 198


async def test_a_section_that_vanishes_meanwhile_is_an_outcome() -> None:
    """A section that was listed and cannot be read is one failed outcome; the others are scanned."""
    # Listed, and unknown when it is asked for by its own id.
    renumbered = EmulatedSection(2, "S2", {})
    async with (
        Emulator(sections=[section(1), renumbered, section(3)], rate_limit=None) as emulator,
        client_of(emulator) as client,
    ):
        renumbered.id = 99
        report = await client.scan_all().collect()
    assert keys(report.succeeded) == [(1, 100), (1, 101), (3, 300), (3, 301)]
    (failed,) = report.failed
    assert (failed.section_id, failed.group_id, type(failed.error)) == (99, None, NotFoundError)


async def test_an_empty_organization() -> None:
    """No sections is no error."""
    async with organization(0) as emulator, client_of(emulator) as client:
        async with client.scan_all() as scan:
            assert str(scan.plan) == "0 groups, 1 request, less than 1 s"
            assert [item async for item in scan] == []
        assert scan.progress.eta == 0.0


def listed(*sections: dict[str, Any], **facts: int) -> bytes:
    return answer(200, json.dumps({"sections": sections, **facts}).encode())


def whole(number: int, *groups: int) -> dict[str, Any]:
    """A section as the server sends it, in a list or by itself."""
    summaries = [{"id": group, "name": f"G{group}", "has_puller": False} for group in groups]
    return {"id": number, "name": f"S{number}", "groups": summaries, "can_edit": True, "has_puller": False}


def bare(number: int) -> dict[str, Any]:
    """A section in a list that leaves its groups out."""
    return {"id": number, "name": f"S{number}"}


def read(number: int, *groups: int) -> bytes:
    return answer(200, json.dumps(whole(number, *groups)).encode())


def group(number: int) -> bytes:
    return answer(200, json.dumps({"id": number, "name": "G", "has_puller": False, "business_ids": []}).encode())


PAGES = {
    "max_page": [listed(whole(1, 11), page=1, max_page=2), listed(whole(2, 21), page=2, max_page=2)],
    "an empty page": [listed(whole(1, 11)), listed(whole(2, 21)), listed()],
    "the last page again": [listed(whole(1, 11)), listed(whole(2, 21)), listed(whole(2, 21))],
    "a page with nothing new": [listed(whole(1, 11)), listed(whole(2, 21), whole(1, 11)), listed(whole(1, 11))],
    "max_page 0 with sections": [listed(whole(1, 11), whole(2, 21), page=1, max_page=0, count=2)],
    "groups left out": [listed(bare(1), bare(2), page=1, max_page=1)],
    "some groups left out": [listed(whole(1), whole(2, 77), page=1, max_page=1)],
    "null groups": [listed({**bare(1), "groups": None}, {**bare(2), "groups": None}, page=1, max_page=1)],
}


@pytest.mark.parametrize("pages", PAGES.values(), ids=PAGES)
async def test_whatever_the_list_is_like(pages: list[bytes]) -> None:
    """The walk ends with ``max_page``, or where nothing new comes; groups come from each section's own answer."""
    answers = [*pages, read(1, 11), read(2, 21), group(11), group(21)]
    async with raw_server(*answers) as server, PartooClient("key", server=server.url) as client:
        report = await client.scan_all(max_concurrency=1).collect()
        paths = [request.split(b" ")[1].decode() for request in server.requests]
    report.raise_for_failures()
    assert keys(report.items) == [(1, 11), (2, 21)]
    numbered = [f"/v2/sections?page={number}" for number in range(1, len(pages) + 1)]
    assert paths == [
        *numbered,
        "/v2/sections/1",
        "/v2/sections/2",
        "/v2/sections/1/groups/11",
        "/v2/sections/2/groups/21",
    ]


async def test_another_organization() -> None:
    """``org_id`` goes with every page, and into the journal's name of the scan."""
    answers = [listed(whole(1)), listed(), read(1)]
    async with raw_server(*answers) as server, PartooClient("key", server=server.url) as client:
        await client.scan_all("5").collect()
        assert [b"org_id=5" in request.split(b"\r\n")[0] for request in server.requests] == [True, True, False]
        with pytest.raises(ConfigurationError, match="^org_id: expected"):
            client.scan_all(-1)
        with pytest.raises(TypeError, match="group_ids"):
            client.scan_all(group_ids=[1])


async def test_a_page_that_cannot_be_read_ends_the_scan() -> None:
    """Without its sections there is no scan: the error of the page comes as it is, after the usual tries."""
    forbidden = answer(403, b'{"errors": {"authorization": "Operation not allowed"}}')
    async with raw_server(listed(whole(1)), forbidden) as server, PartooClient("key", server=server.url) as client:
        with pytest.raises(PermissionDeniedError, match="403 Forbidden for GET /sections"):
            await client.scan_all().collect()
        assert len(server.requests) == 2
    broken = RetryPolicy(max_retries=2, initial_backoff=0.001)
    async with raw_server(answer(500)) as server, PartooClient("key", server=server.url, retry=broken) as client:
        with pytest.raises(InternalServerError):
            await client.scan_all().collect()
        assert len(server.requests) == 3


async def test_sections_that_come_and_go(tmp_path: Path) -> None:
    """A resumed scan reads sections that are new, and reports what is gone; what was read of it is handed out."""
    path = tmp_path / "scan.db"
    async with organization(3) as emulator, client_of(emulator) as client:
        async with client.scan_all(journal=path, max_concurrency=1) as scan:
            done = [await anext(scan) for _ in range(3)]
        before = keys(await recorded(path))
        assert keys(done) == [(1, 100), (1, 101), (2, 200)]
        assert (3, 301) not in before
        for number in (2, 3):
            del emulator.sections[number]
        emulator.sections[4] = section(4, 1)
        asked = len(emulator.requests)
        report = await client.scan_all(journal=path, resume=True).collect()
        assert sorted(report.deleted) == [(2, 200), (2, 201), (3, 300), (3, 301)]
        assert report.added == ()
        assert keys(report.items) == sorted([*before, (4, 400)])
        assert [seen.path for seen in emulator.requests[asked:]] == [
            "/v2/sections",
            "/v2/sections/1",
            "/v2/sections/4",
            "/v2/sections/4/groups/400",
        ]


async def test_an_unreadable_section_that_is_gone_is_no_failure_for_ever(tmp_path: Path) -> None:
    """The outcome of a section that could not be read, and that there is no more, leaves the journal."""
    path = tmp_path / "scan.db"
    async with organization(2) as emulator, client_of(emulator) as client:
        emulator.sections[2].id = 99
        assert keys((await client.scan_all(journal=path).collect()).failed) == [(99, None)]
        del emulator.sections[2]
        report = await client.scan_all(journal=path, resume=True).collect()
        assert report.failed == ()
        assert keys(await recorded(path)) == [(1, 100), (1, 101)]


async def test_a_journal_of_everything_is_not_one_of_sections(tmp_path: Path) -> None:
    """Both say what they are of when the other kind of scan is to go on with them."""
    path = tmp_path / "scan.db"
    async with organization(1) as emulator, client_of(emulator) as client:
        await client.scan_all(journal=path).collect()
        with pytest.raises(ConfigurationError, match="is of a scan of all sections, not of section 1"):
            await client.scan(1, journal=path, resume=True).collect()
        with pytest.raises(ConfigurationError, match="all sections, not of all sections of organization 5"):
            await client.scan_all(5, journal=path, resume=True).collect()


async def test_a_page_that_is_promised_and_refused_is_an_error() -> None:
    """Where the server says how many pages there are, one that is refused is not taken for the end."""
    page = (
        b'{"sections": [{"id": %d, "name": "S", "groups": [], "can_edit": true, "has_puller": false}], "max_page": 3}'
    )
    async with raw_server(answer(200, page % 1), answer(200, page % 2), answer(404, b"{}")) as server:
        async with PartooClient("key", server=server.url) as client:
            with pytest.raises(NotFoundError):
                await client.scan_all().collect()


async def test_a_journal_of_another_organization_is_refused(tmp_path: Path) -> None:
    """A key that sees none of the journal's sections is one of another organization: nothing is mixed or dropped."""
    path = tmp_path / "scan.db"
    async with organization(3) as emulator, client_of(emulator) as client:
        await client.scan_all(journal=path).collect()
        for number in (1, 2, 3):
            del emulator.sections[number]
        emulator.sections[9] = section(9)
        with pytest.raises(ConfigurationError, match="the organization has none of the sections in it"):
            await client.scan_all(journal=path, resume=True).collect()
    assert len(await recorded(path)) == 6


class Shrinking:
    """An ``on_event`` that deletes the first section there is after some requests for a page of them."""

    def __init__(self, emulator: Emulator, *pages: int) -> None:
        self.emulator = emulator
        self.pages = pages
        self.asked = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestEvent) and event.route == "GET /sections":
            self.asked += 1
            if not self.pages or self.asked in self.pages:
                del self.emulator.sections[min(self.emulator.sections)]


async def test_a_section_is_deleted_while_pages_are_walked() -> None:
    """All later ones move up, and the first of the second page is on none that is still to come. Its page is read
    again, since the count no longer fits: every section that there is then is scanned, and the deleted one is not."""
    async with organization(65) as emulator, client_of(emulator) as client:
        shrinking = client.with_options(on_event=Shrinking(emulator, 1))
        report = await shrinking.scan_all().collect()
        assert report.complete
        assert keys(report.succeeded) == [(s, s * 100 + n) for s in range(2, 66) for n in range(2)]
        assert report.failed == ()
        assert pages_asked(emulator) == 3 + 3


async def test_sections_are_iterated_over_a_list_that_moves_up() -> None:
    """``sections.iterate`` gives each section that stays, once, and the pages anew, not those of the cache."""
    async with organization(65) as emulator, client_of(emulator) as client:
        shrinking = client.with_options(on_event=Shrinking(emulator, 2), cache_ttl=60.0)
        found = [found.id async for found in shrinking.sections.iterate()]
        assert sorted(found) == list(range(1, 66))
        assert len(found) == 65
        assert pages_asked(emulator) == 3 + 3


async def test_a_list_that_never_stands_still(tmp_path: Path) -> None:
    """After four walks the scan goes on with what was on any of them, and ends with an error: it may be a part. The
    journal, too, says so, and resumes."""
    path = tmp_path / "scan.db"
    async with organization(65) as emulator, client_of(emulator) as client:
        shrinking = client.with_options(on_event=Shrinking(emulator))
        with pytest.raises(ScanError, match="may lack sections: their list changed") as caught:
            await shrinking.scan_all(journal=path).collect()
        assert caught.value.transient
        report = caught.value.report
        assert not report.complete
        left = {key for key in emulator.sections if key > 20}
        assert left <= {item.section_id for item in report.succeeded}
        assert pages_asked(emulator) == 3 + 3 + 2 + 2
        async with recording.open_reader(path) as opened:
            assert not opened.complete
        assert (await client.scan_all(journal=path, resume=True).collect()).complete
        async with recording.open_reader(path) as opened:
            assert opened.complete


async def test_a_count_that_is_of_something_else() -> None:
    """A list that stays as it is, with a count that never fits, is walked twice and taken for whole."""
    pages = [listed(whole(1, 11), max_page=2, count=9), listed(whole(2, 21), max_page=2, count=9)] * 2
    answers = [*pages, read(1, 11), read(2, 21), group(11), group(21)]
    async with raw_server(*answers) as server, PartooClient("key", server=server.url) as client:
        report = await client.scan_all(max_concurrency=1).collect()
        assert (report.complete, keys(report.succeeded)) == (True, [(1, 11), (2, 21)])
        assert len(server.requests) == 8


async def test_a_slip_in_a_keyword_is_told() -> None:
    """An option that there is not is refused at once, by its name."""
    options: dict[str, Any] = {"jounal": "scan.db"}
    async with PartooClient("key", server="sandbox") as client:
        with pytest.raises(TypeError, match="jounal"):
            client.scan_all(**options)
        with pytest.raises(TypeError, match="jounal"):
            client.scan(7, **options)
        with pytest.raises(ConfigurationError, match="jounal"):
            client.with_options(**options)


async def test_a_report_names_its_sections(tmp_path: Path) -> None:
    """Those that were read, in this run or, where another look is not due, in the one before; also without groups."""
    async with Emulator(sections=[section(1), section(2, 0), section(3)], rate_limit=None) as emulator:
        async with client_of(emulator) as client:
            emulator.faults.add("status", match="/sections/3", status=404, times=1)
            assert (await client.scan_all().collect()).sections == {1: "S1", 2: "S2"}
            assert (await client.scan([1, 3]).collect()).sections == {1: "S1", 3: "S3"}
            assert (await client.scan(1, group_ids=[100]).collect()).sections == {}
            for _ in range(2):
                options: dict[str, Any] = {"journal": tmp_path / "journal", "resume": True, "lists_hold_for": 3600.0}
                report = await Scan(client.session, Scope((1, 2)), **options).collect()
                assert report.sections == {1: "S1", 2: "S2"}
                emulator.sections[1].name = "another"
