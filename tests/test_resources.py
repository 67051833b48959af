"""All nine operations, and every other endpoint, against the emulator."""

from __future__ import annotations

import pytest

from partoo_async import (
    BadRequestError,
    ConfigurationError,
    GroupSummary,
    NotFoundError,
    PartooClient,
    PermissionDeniedError,
    SectionPage,
)
from partoo_async.emulator import EmulatedSection, Emulator


async def test_a_group_from_creation_to_deletion(client: PartooClient) -> None:
    """create, get, update and delete of a group do what they say, and answer with its id."""
    everything = (await client.groups.get(7, 42)).business_ids
    number = await client.groups.create(5, name="Neuf", business_ids=everything[:2])
    assert (await client.groups.get(5, number)).business_ids == everything[:2]
    assert await client.groups.update(5, number, name="Dix", business_ids=iter(())) == number
    group = await client.groups.get(5, number)
    assert (group.name, group.business_ids) == ("Dix", ())
    assert await client.groups.delete(5, number) is None
    with pytest.raises(NotFoundError):
        await client.groups.get(5, number)


async def test_a_section_from_creation_to_deletion(client: PartooClient) -> None:
    """create, get, update and delete of a section do what they say."""
    number = await client.sections.create(name="Brand")
    await client.sections.update(number, name="Label")
    group = await client.groups.create(number, name="One", business_ids=[])
    section = await client.sections.get(number)
    assert (section.name, section.groups) == ("Label", (GroupSummary(group, "One", False),))
    await client.sections.delete(number)
    with pytest.raises(NotFoundError):
        await client.sections.get(number)


async def test_what_the_server_refuses(client: PartooClient) -> None:
    """A name taken twice is a 400 with the server's words; what a puller feeds is locked, a 403."""
    with pytest.raises(BadRequestError, match="name") as caught:
        await client.sections.create(name="Country")
    assert "name" in caught.value.body.errors.json  # type: ignore[attr-defined]
    with pytest.raises(PermissionDeniedError, match="emulator"):
        await client.groups.delete(7, 41)


async def test_sections_are_listed_by_page() -> None:
    """list() gives one page with its figures; iterate() walks all pages, each section once."""
    sections = [EmulatedSection(n, f"S{n}") for n in range(1, 65)]
    async with (
        Emulator(sections=sections) as emulator,
        PartooClient(emulator.api_key, server=emulator.server) as client,
    ):
        page = await client.sections.list(page=3)
        assert isinstance(page, SectionPage)
        assert (len(page.sections), page.page, page.max_page, page.count) == (4, 3, 3, 64)
        assert [section.id async for section in client.sections.iterate()] == list(range(1, 65))
        assert [section.id async for section in client.sections.iterate(group_name_query="none")] == []
    assert len(emulator.requests) == 1 + 3 + 1


async def test_any_other_endpoint(client: PartooClient) -> None:
    """request() reaches every path below the base URL and returns decoded JSON."""
    answer = await client.request("get", "/sections", params={"page": 1, "group_name_query": None})
    assert answer["page"] == 1
    created = await client.request("POST", "/sections", json={"name": "Raw"})
    assert created["status"] == "success"
    with pytest.raises(NotFoundError):
        await client.request("GET", "/no/such/thing")
    with pytest.raises(ConfigurationError, match="path"):
        await client.request("GET", "/sections/../../admin")


@pytest.mark.parametrize("bad", [-1, True, "7/../9", 2**63, 7.0, None, "", "seven"])
async def test_bad_ids_are_refused_unsent(emulator: Emulator, client: PartooClient, bad: object) -> None:
    """What is no id is a ConfigurationError that names the argument, before anything is sent."""
    with pytest.raises(ConfigurationError, match="^section_id: "):
        await client.groups.get(bad, 42)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="^group_id: "):
        await client.groups.get(7, bad)  # type: ignore[arg-type]
    assert emulator.requests == ()
