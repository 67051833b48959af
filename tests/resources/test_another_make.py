"""What the client reads from a server of another make, which shares nothing with the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partoo_async import AuthenticationError, NotFoundError, PermissionDeniedError
from tests.support import fake_partoo
from tests.support.fake_partoo import AWAY, SHIFTS, FakeBusiness, FakeGroup, FakePartoo, Organization, leaves
from tests.support.virtual import run_virtual


def small() -> Organization:
    businesses = [FakeBusiness("a"), FakeBusiness("b", "away"), FakeBusiness("c", hidden=True)]
    businesses.append(FakeBusiness("d", told=()))
    groups = [FakeGroup(3, 7, ["a", "b"]), FakeGroup(5, 9, ["b", "c"])]
    return Organization([7, 9], {one.id: one for one in groups}, {one.id: one for one in businesses})


async def test_every_operation_is_read() -> None:
    """Over HTTP: sections, groups, businesses, a search by groups, and the errors of each."""
    async with FakePartoo(small()) as fake, fake.client() as client:
        listed = (await client.sections.list()).sections
        assert [(one.id, [group.id for group in one.groups]) for one in listed] == [(7, [3]), (9, [5])]
        assert (await client.sections.get(9)).groups[0].name == "Group 5"
        assert (await client.groups.get(9, 5)).business_ids == ("b", "c")
        assert (await client.businesses.get("b")).groups == (3, 5)
        assert (await client.businesses.get("d")).groups == ()
        assert [one.id for one in (await client.businesses.search(groups=[3, 5])).businesses] == ["b"]
        for missing in (client.groups.get(7, 5), client.businesses.get("c"), client.sections.get(8)):
            with pytest.raises(NotFoundError):
                await missing
        fake.may_search = False
        with pytest.raises(PermissionDeniedError):
            await client.businesses.search()
        with pytest.raises(AuthenticationError):
            await client.with_options(api_key="another").sections.get(7)
        assert fake.asked == {
            fake_partoo.SECTIONS: 1,
            fake_partoo.SECTION: 2,
            fake_partoo.GROUP: 2,
            fake_partoo.BUSINESS: 3,
            fake_partoo.SEARCH: 2,
        }


def four() -> Organization:
    return Organization([7], {}, {f"b{number}": FakeBusiness(f"b{number}") for number in range(4)})


@example(four(), 3, False, True, AWAY, [leaves])  # behind the first page comes an empty one
@given(
    fake_partoo.organizations(),
    st.sampled_from((3, 7, 50)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([AWAY, AWAY[:1], AWAY[1:]]),
    st.lists(st.sampled_from(SHIFTS[:3]), max_size=2),
)
def test_every_business_is_found(
    organization: Organization, size: int, max_page: bool, count: bool, spellings: Any, shifts: Any
) -> None:
    """Each that the key may read and that stays, once, of every status, whatever pages are like. If the list shifts,
    the count of its pages tells; without one, two walks that find the same."""
    shifts = shifts if count else []
    fake = FakePartoo(organization, shifts, max_page=max_page, count=count, spellings=spellings, most_per_page=size)

    async def found() -> list[str]:
        async with fake.client() as client:
            return [business.id async for business in client.businesses.iterate()]

    ids = run_virtual(found())
    assert len(set(ids)) == len(ids)
    assert {*organization.names()} <= {*ids}
