"""The three reading operations, over HTTP."""

from __future__ import annotations

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection


async def test_get_group_answers_the_official_example(api) -> None:
    """GET /sections/1/groups/1 gives the documented object: these four fields and no other, as JSON."""
    answer = await api.get("/sections/1/groups/1")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == {
        "id": 1,
        "name": "France",
        "has_puller": False,
        "business_ids": ["a1f0e2d3b4c5e6f7a8b9c0d1", "3f2e1d4c5b6a7f8e9d0c1a2", "0e1d2c3b4a5f6e7d8c9a0b1"],
    }


async def test_get_section_lists_its_groups_without_businesses(api) -> None:
    """A section has id, name, groups, can_edit and has_puller; a group in it id, name and has_puller."""
    answer = await api.get("/sections/1")
    groups = [{"id": 1, "name": "France", "has_puller": False}]
    expected = {"id": 1, "name": "Example", "groups": groups, "can_edit": True, "has_puller": False}
    assert (answer.status, answer.body) == (200, expected)


@pytest.mark.parametrize("path", ["/sections/999", "/sections/999/groups/42", "/sections/7/groups/999"])
@pytest.mark.parametrize(
    ("status", "errors"), [(404, {"json": "Resource not found"}), (403, {"authorization": "Operation not allowed"})]
)
async def test_an_unknown_section_or_group_is_404_or_403_as_chosen(serve, path, status, errors) -> None:
    """Which of them the real API answers is an open question, so the emulator plays either."""
    api = await serve(unknown_status=status)
    answer = await api.get(path)
    assert (answer.status, answer.body) == (status, {"errors": errors})


@pytest.mark.parametrize(
    ("path", "field"),
    [("/sections/999", "section_id"), ("/sections/7/groups/999", "group_id"), ("/business/nobody", "business_id")],
)
async def test_an_unknown_id_may_be_400_too(serve, path, field) -> None:
    """Then it is named like every other incorrect value."""
    answer = await (await serve(unknown_status=400)).get(path)
    assert (answer.status, answer.body) == (400, {"errors": {"json": {field: ["Resource not found."]}}})


async def test_a_group_is_unknown_under_a_section_it_is_not_in(api) -> None:
    """Group 42 is in section 7 and nowhere else."""
    assert (await api.get("/sections/7/groups/42")).status == 200
    assert (await api.get("/sections/9/groups/42")).status == 404


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "%D9%A3", "7" * 20, str(2**63), "+7", "0x7", "%20"])
async def test_an_id_that_is_no_number_is_400(api, bad) -> None:
    """The documentation types both ids as integers; the error names the one that is wrong."""
    section = await api.get(f"/sections/{bad}")
    group = await api.get(f"/sections/7/groups/{bad}")
    assert (section.status, list(section.body["errors"]["json"])) == (400, ["section_id"])
    assert (group.status, list(group.body["errors"]["json"])) == (400, ["group_id"])


async def test_sections_come_in_pages_of_thirty(serve) -> None:
    """Default 30 a page and from page 1, as everywhere in the API; 65 sections are 3 pages."""
    api = await serve(sections=[EmulatedSection(number, f"S{number}") for number in range(65, 0, -1)])
    first, third = await api.get("/sections"), await api.get("/sections?page=3")
    assert [section["id"] for section in first.body["sections"]] == list(range(1, 31))
    assert [section["id"] for section in third.body["sections"]] == list(range(61, 66))
    assert (third.body["page"], third.body["max_page"], third.body["count"]) == (3, 3, 65)


@pytest.mark.parametrize("page", ["0", "-5", "1"])
async def test_a_page_below_one_counts_as_one(api, page) -> None:
    """The newest wording of the documentation."""
    answer = await api.get(f"/sections?page={page}&per_page=2")
    assert answer.body["page"] == 1
    assert [section["id"] for section in answer.body["sections"]] == [1, 3]


async def test_a_page_past_the_end_is_empty(api) -> None:
    """Clients in the field stop at the first empty page."""
    answer = await api.get("/sections?page=99")
    assert (answer.status, answer.body) == (200, {"sections": [], "page": 99, "max_page": 1, "count": 6})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=x", "page"),
        ("page=", "page"),
        ("page=--1", "page"),
        ("page=1e3", "page"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=many", "per_page"),
    ],
)
async def test_bad_paging_is_400(api, query, field) -> None:
    """per_page goes from 1 to 100."""
    answer = await api.get(f"/sections?{query}")
    assert (answer.status, list(answer.body["errors"]["json"])) == (400, [field])


@pytest.mark.parametrize(
    ("query", "expected"), [("", [1, 2]), ("FRAN", [1, 2]), ("ran\u00e7a", [2]), ("spain", []), ("nord", [1])]
)
async def test_sections_can_be_asked_for_by_the_names_of_their_groups(serve, query, expected) -> None:
    """group_name_query keeps the sections with a group whose name contains it, in any case."""
    one = EmulatedSection(1, "One", {1: EmulatedGroup(1, "France"), 2: EmulatedGroup(2, "Nord")})
    two = EmulatedSection(2, "Two", {3: EmulatedGroup(3, "Fran\u00e7ais"), 4: EmulatedGroup(4, "Franchise")})
    api = await serve(sections=[one, two])
    answer = await api.get("/sections", params={"group_name_query": query, "org_id": 12})
    assert [section["id"] for section in answer.body["sections"]] == expected
    assert answer.body["count"] == len(expected)
    assert answer.body["max_page"] == min(len(expected), 1)
