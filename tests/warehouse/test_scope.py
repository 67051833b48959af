"""Which rows may be deleted: those of what was read, and of what is gone; never of what is not known."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import ConfigurationError
from partoo_async.warehouse.scope import (
    Coverage,
    businesses_scope,
    check_organization,
    groups_scope,
    schema_name,
    sections_scope,
)
from tests.support.each import each

SECTIONS, GROUPS = range(4), range(6)
EVERY = [(section, group) for section in SECTIONS for group in GROUPS]
some_groups = st.frozensets(st.sampled_from(GROUPS))


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    groups = draw(st.dictionaries(st.sampled_from(SECTIONS), some_groups))
    tried = {key: draw(some_groups) for key in SECTIONS}
    failed = {key: draw(some_groups) & tried[key] for key in SECTIONS}
    return Coverage(
        whole=draw(st.booleans()),
        unreadable=draw(st.frozensets(st.sampled_from(SECTIONS))),
        groups={key: tuple(groups[key]) for key in groups},
        listed=draw(st.frozensets(st.sampled_from(SECTIONS))) & groups.keys(),
        succeeded={key: tried[key] - failed[key] for key in SECTIONS},
        failed=failed,
        businesses=draw(st.sampled_from(["all", "2026-01-01T00:00:00+00:00", None])),
    )


def chosen(condition: str, rows: list[tuple[int, ...]], columns: str) -> set[tuple[int, ...]]:
    """Return the rows that a condition chooses of some."""
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE rows ({columns}, organization)")
        database.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(rows[0]))}, NULL)", rows)
        found = {*database.execute(f"SELECT {columns} FROM rows WHERE {condition}")}
    database.close()
    return found


@given(coverages())
def test_what_is_not_known_is_never_chosen(coverage: Coverage) -> None:
    """A group that is made rows of is always chosen, one that is not known never, and one that is gone when its
    section's list was read and most of that section's groups were."""
    found = chosen(groups_scope(coverage, None, "id"), EVERY, "section_id, id")
    for section, group in EVERY:
        there = group in coverage.groups.get(section, ())
        readable = section in coverage.groups and section not in coverage.unreadable
        read = readable and there and group in coverage.succeeded[section]
        assert coverage.has(section, group) is read
        if read:
            assert (section, group) in found
        elif there or section in coverage.unreadable:
            assert (section, group) not in found
        elif not readable:
            assert ((section, group) in found) is coverage.whole
        elif section not in coverage.listed:
            assert (section, group) not in found
        elif len(coverage.unread(section)) * 2 <= len(coverage.groups[section]):
            assert (section, group) in found


@given(coverages())
def test_sections_are_chosen_like_their_groups(coverage: Coverage) -> None:
    """An unreadable section stays, as does one of which only some groups were read; one that is not listed goes, if the
    list was read whole."""
    found = {section for (section,) in chosen(sections_scope(coverage, None), [(key,) for key in SECTIONS], "id")}
    for section in SECTIONS:
        known = section in coverage.listed or coverage.whole
        assert (section in found) is (known and section not in coverage.unreadable)


def test_thousands_of_sections_are_one_condition() -> None:
    """A database takes the condition even if a group has failed in each section of a very large organization."""
    keys = range(5_000)
    known = {key: frozenset((key, key + 10_000)) for key in keys}
    failed = {key: frozenset((key + 20_000,)) for key in keys}
    groups = {key: (key, key + 10_000, key + 20_000) for key in keys}
    coverage = Coverage(True, frozenset(), groups, frozenset(keys), known, failed, "all")
    rows = [(7, 7), (7, 10_007), (7, 20_007), (7, 8)]
    assert chosen(groups_scope(coverage, None, "id"), rows, "section_id, id") == {(7, 7), (7, 10_007), (7, 8)}


def test_rows_of_others_are_never_chosen() -> None:
    """Every condition begins with the organization; businesses that did not change are no business of a part."""
    part = Coverage(True, frozenset(), {}, frozenset(), {}, {}, "2026-01-01T00:00:00+00:00")
    assert sections_scope(part, "Acme") == "organization = 'Acme'"
    assert groups_scope(part, None, "id") == "organization IS NULL"
    assert businesses_scope(part, "Acme") == "organization = 'Acme' AND id IN (SELECT id FROM {staging_table})"


@each("name", ["", " ", "a'b", 'a"b', "a{b}", "a:b", "a;b", "50%", "a\\b", "a\nb", "\ud800", True, 1.5, b"a"])
def test_names_that_a_condition_cannot_hold_are_refused(name: object) -> None:
    """An organization's name stands in SQL: what databases, or what is between, take for something else is refused."""
    with pytest.raises(ConfigurationError, match="organization"):
        check_organization(name)


def test_each_organization_has_a_schema_of_its_own() -> None:
    """Names that differ in signs or case only have different ones, of letters that every database takes."""
    assert check_organization(42) == "42"
    given = (None, "Café du Nord", "Cafe du Nord", "cafe du nord", 42)
    names = [schema_name(check_organization(name)) for name in given]
    assert len({*names}) == 5
    assert all(name.isascii() and name.isidentifier() and name.islower() and len(name) < 40 for name in names)
