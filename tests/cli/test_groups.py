"""`partoo groups`: groups by their names, with the ids that other commands take."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from partoo_async.emulator import Behaviour, EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result

Partoo = Callable[..., Result]


def sections(**groups: list[str]) -> list[EmulatedSection]:
    """Sections of these names, with groups of these names and ids that count."""
    made, number = [], 0
    for place, (name, names) in enumerate(groups.items(), start=1):
        section = EmulatedSection(place, name)
        for group in names:
            number += 1
            section.groups[number] = EmulatedGroup(number, group)
        made.append(section)
    return made


@pytest.fixture
def emulator(serve: Callable[..., Emulator]) -> Emulator:
    data = sections(Country=["France", "Île-de-France", "Espagne"], Region=["Réunion", "Nord"], Empty=[])
    return serve(sections=data, rate_limit=None)


def found(result: Result) -> list[tuple[int, int, str]]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in result.out.splitlines()]
    return [(row["section_id"], row["group_id"], row["name"]) for row in rows]


def test_groups_are_found_by_a_part_of_their_name(emulator: Emulator, partoo: Partoo) -> None:
    """In any case; one request, which the API's own filter answers."""
    result = partoo("groups", "france", "--json")
    assert (result.code, result.err) == (0, "")
    assert found(result) == [(1, 1, "France"), (1, 2, "Île-de-France")]
    assert [seen.path for seen in emulator.requests] == ["/v2/sections"]


@pytest.mark.usefixtures("emulator")
def test_a_table_for_people(partoo: Partoo) -> None:
    """Ids come first, as other commands take them."""
    lines = [line.split() for line in partoo("groups", "Réunion").out.splitlines()]
    assert lines[0] == ["section", "group", "name", "in", "puller"]
    assert lines[2] == ["2", "4", "Réunion", "Region", "no"]


@pytest.mark.usefixtures("emulator")
def test_all_groups_are_listed(partoo: Partoo) -> None:
    """Without a text."""
    assert [name for _, _, name in found(partoo("groups", "--json"))] == [
        "France",
        "Île-de-France",
        "Espagne",
        "Réunion",
        "Nord",
    ]


@pytest.mark.usefixtures("emulator")
def test_no_group_is_said(partoo: Partoo) -> None:
    """Not an empty table; no JSON line is an answer."""
    assert partoo("groups", "nothing") == Result(0, "", "partoo: there is no such group\n")
    assert partoo("groups", "nothing", "--json") == Result(0, "", "")


def test_sections_that_come_without_groups_are_read(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """It is not documented that the list holds the groups of a section."""
    serve(sections=sections(Country=["France", "Espagne"]), behaviour=Behaviour(list_groups=False), rate_limit=None)
    assert found(partoo("groups", "fra", "--json")) == [(1, 1, "France")]
