"""Organizations of four sizes, made lazily: what is there, and what it costs."""

from __future__ import annotations

import re
import tracemalloc

import pytest

from partoo_async.emulator import EmulatedGroup, Emulator, generated_sections
from partoo_async.errors import ConfigurationError
from tests.support.each import each

# businesses, sections, groups per section, businesses per group: the assumed load model, by hand.
SIZES = {
    "small": (30, (2, 2), (3, 5), (5, 15)),
    "typical": (300, (3, 4), (5, 20), (15, 100)),
    "large": (3_000, (5, 8), (10, 100), (30, 3_000)),
    "extreme": (10_000, (10, 10), (100, 1_000), (1, 10_000)),
}


@each("seed", [0, 1, 2])
@each("profile", SIZES)
def test_each_profile_has_its_size(profile, seed) -> None:
    """Sections, groups in each and businesses of each group are within the bounds of the profile."""
    businesses, sections, groups, members = SIZES[profile]
    made = generated_sections(profile, seed=seed)
    assert sections[0] <= len(made) <= sections[1]
    seen: set[str] = set()
    for section in made:
        assert groups[0] <= len(section.groups) <= groups[1]
        for group_id in section.groups:
            ids = section.groups[group_id].business_ids
            assert members[0] <= len(ids) == len(set(ids)) <= members[1]
            seen.update(ids)
    assert len(seen) <= businesses
    assert all(re.fullmatch("[0-9a-f]{24}", business) for business in seen)


@each("total", [1, 9, 10_000, 100_000])
def test_any_number_of_groups_can_be_asked_for(total) -> None:
    """Exactly so many, over all sections, each with an id and a name of its own."""
    sections = generated_sections("extreme", groups=total)
    ids = [group_id for section in sections for group_id in section.groups]
    assert ids == list(range(1, total + 1))
    sizes = [len(section.groups) for section in sections]
    assert len(sizes) == 10
    assert max(sizes) - min(sizes) <= 1


def test_names_are_allowed_and_unique() -> None:
    """No forbidden character, none twice; every 25th group has a puller."""
    groups = [group for section in generated_sections("large") for group in section.groups.values()]
    names = [group.name for group in groups]
    assert len(names) == len(set(names))
    assert not re.search("[,;/]", "".join(names))
    assert [group.id for group in groups if group.has_puller] == list(range(25, len(groups) + 1, 25))


def test_the_seed_alone_makes_the_data() -> None:
    """The same seed gives the same group, whatever else was looked at before; another seed gives another."""
    first, second = generated_sections("large", seed=5), generated_sections("large", seed=5)
    for section in reversed(second):
        list(section.groups.values())
    assert [len(section.groups) for section in first] == [len(section.groups) for section in second]
    assert first[2].groups[next(iter(first[2].groups))] == second[2].groups[next(iter(second[2].groups))]
    assert first == second != generated_sections("large", seed=6)


async def test_a_hundred_thousand_groups_are_served_at_once() -> None:
    """The emulator stands at once, since none of them is made: they would take ten times the memory."""
    tracemalloc.start()
    try:
        emulator = Emulator.with_profile("extreme", groups=100_000)
        assert repr(emulator) == "<Emulator stopped, 10 sections, 100000 groups>"
        async with emulator:
            pass
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


async def test_a_section_of_ten_thousand_groups_is_read_without_their_businesses(serve, monkeypatch) -> None:
    """GET of the section and of the list of sections make no group; GET of a group makes that one, and keeps none."""
    made: list[int] = []
    api = await serve(sections=generated_sections("extreme", groups=100_000), rate_limit=None)
    source = type(api.emulator.sections[10].groups._source)
    make = source.group
    monkeypatch.setattr(source, "group", lambda self, group_id: made.append(group_id) or make(self, group_id))
    section = (await api.get("/sections/10")).body
    assert len(section["groups"]) == 10_000
    assert section["groups"][0] == {"id": 90_001, "name": "Season Liège 90001", "has_puller": False}
    assert (await api.get("/sections", params={"group_name_query": "liège"})).body["count"] == 10
    assert made == []
    group = (await api.get("/sections/10/groups/90001")).body
    assert made == [90_001]
    assert group["name"] == "Season Liège 90001"
    assert (await api.get("/sections/10/groups/90001")).body == group
    assert made == [90_001, 90_001]
    assert (await api.get("/sections/10/groups/90000")).status == 404


async def test_what_is_changed_stays_changed(serve) -> None:
    """Edits, deletions and additions of a test or of a client hold against the generator."""
    api = await serve(sections=generated_sections("small"), rate_limit=None)
    groups = api.emulator.sections[1].groups
    groups[1].business_ids.append("mine")
    groups[2].has_puller = True
    groups[900] = EmulatedGroup(900, "New")
    del groups[3]
    section = (await api.get("/sections/1")).body["groups"]
    assert [group["id"] for group in section][-1] == 900
    assert next(group for group in section if group["id"] == 2)["has_puller"]
    assert 3 not in [group["id"] for group in section]
    assert (await api.get("/sections/1/groups/1")).body["business_ids"][-1] == "mine"
    assert (await api.get("/sections/1/groups/3")).status == 404
    body = {"name": "Renamed", "business__in": ["mine"]}
    assert (await api.post("/sections/1/groups/1", body)).status == 200
    assert (await api.get("/sections/1/groups/1")).body["name"] == "Renamed"


async def test_a_client_writes_to_generated_groups(serve) -> None:
    """Update, create and delete go by the documented rules, on groups that nobody had looked at before."""
    api = await serve(sections=generated_sections("typical"), rate_limit=None)
    groups = list(api.emulator.sections[2].groups)
    [first, second, *_] = groups
    members = (await api.get(f"/sections/2/groups/{second}")).body["business_ids"]
    assert (await api.post(f"/sections/2/groups/{first}", {"name": "A", "business__in": members})).status == 200
    assert (await api.get(f"/sections/2/groups/{first}")).body["business_ids"] == members
    taken = (await api.get(f"/sections/2/groups/{second}")).body["name"]
    assert (await api.post("/sections/2/groups", {"name": taken, "business__in": []})).status == 400
    created = (await api.post("/sections/2/groups", {"name": "B"})).body["id"]
    assert created == 1 + sum(len(section.groups) - (section.id == 2) for section in api.emulator.sections.values())
    assert len((await api.get(f"/sections/2/groups/{created}")).body["business_ids"]) == 300
    assert (await api.delete(f"/sections/2/groups/{second}")).status == 200
    assert (await api.get(f"/sections/2/groups/{second}")).status == 404


def test_profile_and_options_go_to_the_emulator() -> None:
    """``with_profile`` takes what ``Emulator`` takes, and one seed for both."""
    emulator = Emulator.with_profile("small", seed=3, api_key="other")
    assert emulator.api_key == "other"
    assert list(emulator.sections.values()) == generated_sections("small", seed=3)
    assert len(Emulator.with_profile().sections) in (3, 4)


@each(
    ("arguments", "message"),
    [
        ({"profile": "huge"}, "profile: expected 'small' or 'typical' or 'large' or 'extreme', not 'huge'"),
        ({"profile": ["small"]}, "profile: expected"),
        ({"groups": 0}, "groups: expected at least 1, not 0"),
        ({"groups": 1.5}, "groups: expected an int of at least 1, not float"),
        ({"seed": -1}, "seed: expected at least 0, not -1"),
        ({"sections": []}, "sections: a profile makes them"),
        ({"latency": -1}, "latency: expected"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(arguments, message) -> None:
    """It names the argument and what it takes."""
    with pytest.raises(ConfigurationError, match=message):
        Emulator.with_profile(**arguments)
