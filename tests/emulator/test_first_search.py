"""The first search of a large organization takes seconds; other requests are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator, generated_sections
from partoo_async.emulator.data import business_index, profiles
from partoo_async.emulator.data.lazy import LazyGroups, holders
from partoo_async.emulator.data.slices import Slices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

GROUPS = 1_000


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_GROUPS_AT_ONCE", 10)
    monkeypatch.setattr(business_index, "_BUSINESSES_AT_ONCE", 10)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the groups that were listed for searches, as they come."""
    found: list[int] = []
    add = Slices.add

    def noted(self: Slices, key: int, start: int, size: int) -> None:
        found.append(key)
        add(self, key, start, size)

    monkeypatch.setattr(Slices, "add", noted)
    return found


def _sections() -> list[EmulatedSection]:
    return generated_sections("typical", groups=GROUPS)


def _groups_of(body: Any) -> dict[str, list[int]]:
    return {business["id"]: business["groups"] for business in body["businesses"]}


@pytest.mark.parametrize("path", ["/business/search", "/business/{business_id}"])
@pytest.mark.parametrize("rate_limit", ["none", "default"])
async def test_other_requests_are_answered_while_the_first_search_is_prepared(serve, path, rate_limit) -> None:
    """On the short way and on the long one, by the dozen: the search is told after them."""
    sections = _sections()
    api = await serve(sections=sections, **({"rate_limit": None} if rate_limit == "none" else {}))
    path = path.format(business_id=sections[0].groups.peek(1).business_ids[0])  # type: ignore[attr-defined]
    search = asyncio.create_task(api.get(path))
    while not search.done():
        assert (await api.get("/sections/1/groups/1")).status == 200
    assert (await search).status == 200
    before = [seen.path for seen in api.emulator.requests].index(f"/v2{path}")
    assert before >= 12


async def test_searches_at_once_share_what_they_prepare(serve, listed: list[int], monkeypatch) -> None:
    """Each group is listed once, and never twice as many in one turn of the event loop."""
    turn, turns = 0, []
    list_some = profiles._Holders.list_some

    def noted(self: Any, generator: Any) -> None:
        turns.append(turn)
        list_some(self, generator)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(profiles._Holders, "list_some", noted)
    api = await serve(sections=_sections(), rate_limit=None)
    counting = asyncio.create_task(count())
    answers = await asyncio.gather(*[api.get("/business/search") for _ in range(3)])
    counting.cancel()
    assert Counter(listed) == Counter(range(1, GROUPS + 1))
    assert len(turns) == len({*turns})
    assert len({str(answer.body) for answer in answers}) == 1


async def test_a_search_that_is_given_up_leaves_its_work_to_the_next(listed: list[int]) -> None:
    """Nothing is made twice, and nothing is missing."""
    emulator = Emulator(sections=_sections())
    for _, _ in zip(range(50), emulator._index.preparing(1), strict=False):
        pass
    assert 0 < len(listed) < GROUPS
    for _ in emulator._index.preparing(1):
        pass
    assert Counter(listed) == Counter(range(1, GROUPS + 1))


def _rename(sections: dict[int, EmulatedSection], _: str) -> None:
    sections[1].groups[2].name = "New"


def _leave(sections: dict[int, EmulatedSection], business: str) -> None:
    for group_id in (1, GROUPS):
        for section in sections.values():
            if group_id in section.groups and business in section.groups[group_id].business_ids:
                section.groups[group_id].business_ids.remove(business)


def _join(sections: dict[int, EmulatedSection], business: str) -> None:
    sections[1].groups[GROUPS + 7] = EmulatedGroup(GROUPS + 7, "Added", business_ids=[business, "another"])


def _delete(sections: dict[int, EmulatedSection], _: str) -> None:
    del sections[1].groups[1]


def _delete_section(sections: dict[int, EmulatedSection], _: str) -> None:
    del sections[2]


def _add_sections(sections: dict[int, EmulatedSection], business: str) -> None:
    sections[90] = EmulatedSection(90, "Plain", {5_000: EmulatedGroup(5_000, "A", business_ids=[business])})
    [more] = [section for section in generated_sections("typical", groups=40) if section.id == 2]
    sections[91] = EmulatedSection(91, "Lazy", more.groups)


def _move(sections: dict[int, EmulatedSection], _: str) -> None:
    sections[2].org_id = 2


@pytest.mark.parametrize("edit", [_rename, _leave, _join, _delete, _delete_section, _add_sections, _move])
async def test_an_edit_while_a_search_is_prepared_is_seen(
    serve: Callable[..., Awaitable[Any]],
    listed: list[int],
    edit: Callable[[dict[int, EmulatedSection], str], None],
) -> None:
    """What the search says, and the next one, is what a look at every group says afterwards."""
    api = await serve(sections=_sections(), rate_limit=None)
    sections = api.emulator.sections
    business = sections[1].groups.peek(1).business_ids[0]
    search = asyncio.create_task(api.get("/business/search?per_page=100"))
    while len(listed) < GROUPS // 3:
        await asyncio.sleep(0)
    edit(sections, business)
    assert not search.done()
    first, second = (await search).body, (await api.get("/business/search?per_page=100")).body
    assert first == second
    found = _groups_of(first)
    expected: dict[str, list[int]] = {business: [] for business in found}
    for section in sections.values():
        if section.org_id == 1:
            plain = dict(section.groups.items()) if isinstance(section.groups, LazyGroups) else section.groups
            for one, groups in holders(plain, {*found}).items():
                expected[one] += groups
    assert found == expected
