"""The demo data that the README, the tutorial and the tests of others rely on."""

from __future__ import annotations

import re

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection, demo_sections
from tests.support.each import each


@pytest.fixture
def sections() -> dict[int, EmulatedSection]:
    return {section.id: section for section in demo_sections()}


def test_the_official_example_is_there_to_the_letter(sections: dict[int, EmulatedSection]) -> None:
    """Section 1, group 1 is the example of the OpenAPI document, with its two ids of 23 characters."""
    ids = ["a1f0e2d3b4c5e6f7a8b9c0d1", "3f2e1d4c5b6a7f8e9d0c1a2", "0e1d2c3b4a5f6e7d8c9a0b1"]
    assert sections[1].groups[1] == EmulatedGroup(1, "France", False, ids)


def test_there_is_something_of_every_kind(sections: dict[int, EmulatedSection]) -> None:
    """A puller's group, an editable, a read-only and a fed section, an empty group, and the ones of the README."""
    assert sections[7].name == "Country"
    assert sections[7].groups[42].name == "France"
    assert sections[7].groups[41].has_puller
    assert sections[7].can_edit
    assert not sections[7].has_puller
    assert sections[5].can_edit
    assert not any(group.has_puller for group in sections[5].groups.values())
    assert not sections[3].can_edit
    assert sections[9].name == "Franchise"
    assert sections[9].groups[129].business_ids == []
    assert sections[12].has_puller


def test_the_size_suits_a_demonstration(sections: dict[int, EmulatedSection]) -> None:
    """77 groups in all; sections 7 and 9 together have 54, less than a minute's quota."""
    assert sum(len(section.groups) for section in sections.values()) == 77
    assert len(sections[7].groups) + len(sections[9].groups) == 54


def test_ids_are_unique_and_names_allowed(sections: dict[int, EmulatedSection]) -> None:
    """No group id is in two sections, no name is there twice in one, none has a forbidden character."""
    numbers = [number for section in sections.values() for number in section.groups]
    assert len(numbers) == len(set(numbers))
    for section in sections.values():
        names = [group.name for group in section.groups.values()]
        assert len(names) == len(set(names))
        assert not re.search("[,;/]", "".join(names) + section.name)
        assert all(number == group.id for number, group in section.groups.items())


@each("seed", range(5))
def test_businesses_look_real_whatever_the_seed(seed: int) -> None:
    """480 shops, each in one country, ids of 24 hexadecimal digits; France is the largest country."""
    countries = next(section for section in demo_sections(seed) if section.id == 7).groups.values()
    ids = [business for group in countries for business in group.business_ids]
    assert len(ids) == len(set(ids)) == 480
    assert all(re.fullmatch("[0-9a-f]{24}", business) for business in ids)
    assert max(countries, key=lambda group: len(group.business_ids)).id == 42
    assert all(group.business_ids for group in countries)


def test_the_same_seed_gives_the_same_data_in_fresh_objects() -> None:
    """Deterministic by seed, and one emulator's changes are never another's."""
    first, second = demo_sections(3), demo_sections(3)
    assert first == second
    first[0].groups[1].business_ids.clear()
    assert first != second
    assert demo_sections(3) == second != demo_sections(4)
