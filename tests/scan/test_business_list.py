"""The list of all businesses, turned round, page by page."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from partoo_async import Business
from partoo_async._protocol.memberships import MembershipPage
from partoo_async.scan.business_list import BusinessList
from tests.support.each import each

MEMBERSHIPS = st.lists(st.lists(st.integers(1, 6), max_size=8).map(tuple), max_size=30)


def pages_of(memberships: list[tuple[int, ...]], size: int, *, max_page: bool = True) -> list[MembershipPage]:
    businesses = [Business(f"b{number}", groups=groups) for number, groups in enumerate(memberships)]
    chunks = [tuple(businesses[start : start + size]) for start in range(0, len(businesses), size)] or [()]
    last = len(chunks) if max_page else None
    return [MembershipPage(chunk, number, last, len(businesses)) for number, chunk in enumerate(chunks, start=1)]


@given(MEMBERSHIPS, st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False))
def test_each_group_has_the_businesses_that_name_it(
    memberships: list[tuple[int, ...]], size: int, max_page: bool, chance: object
) -> None:
    """Each once, though a business may name a group twice; whatever the order in which pages come after the first."""
    pages = pages_of(memberships, size, max_page=max_page)
    later = [*enumerate(pages, start=1)][1:]
    chance.shuffle(later)  # type: ignore[attr-defined]
    listed = BusinessList(range(1, 7))
    assert [listed.add(page, number) for number, page in [(1, pages[0]), *later]] == [""] * len(pages)
    assert (listed.pages, listed.end()) == (len(pages), "")
    truth = defaultdict(set)
    for number, groups in enumerate(memberships):
        for group_id in groups:
            truth[group_id].add(f"b{number}")
    assert not listed.members(7)
    for group_id in range(1, 7):
        found = listed.members(group_id)
        assert listed.size(group_id) == len(found)
        assert {*found} == truth[group_id]
        assert len(found) == len({*found})


@given(MEMBERSHIPS.filter(lambda given: len(given) > 2), st.integers(1, 2))
def test_a_list_without_one_of_its_businesses_is_told(memberships: list[tuple[int, ...]], size: int) -> None:
    """Whichever page it is missing from."""
    pages = pages_of(memberships, size)
    for short in range(len(pages)):
        listed = BusinessList(range(1, 7))
        for number, page in enumerate(pages, start=1):
            gone = number - 1 == short
            listed.add(MembershipPage(page.businesses[gone:], number, page.max_page, page.count), number)
        assert listed.end() == "the list of businesses changed while it was read"


@each(
    ("memberships", "groups", "pages"),
    [
        ([(1,), (2,), (3,), (4,)] * 2, {1, 2}, 1),  # two of the four on the first page, of two pages
        ([(1, 2), (2,), (3,), (4,)] * 2, {1, 2, 3, 4}, 2),
        ([(1, 2), (2,), (3,), (4,)] * 2, {9}, 0),
        ([], {1}, 0),
    ],
)
def test_pages_of_some_groups(memberships: list[tuple[int, ...]], groups: set[int], pages: int) -> None:
    """By the first page: as many look-ups their names would take."""
    listed = BusinessList(groups)
    listed.add(pages_of(memberships, 4)[0], 1)
    assert listed.pages_of_members == pages
