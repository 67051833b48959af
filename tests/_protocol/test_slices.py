"""A large list in slices: they are what the whole is, or nothing."""

from __future__ import annotations

import gc
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from partoo_async._protocol import slices
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Request
from partoo_async._protocol.slices import Slices
from partoo_async._protocol.structs import reader
from partoo_async.models import Business, Group, Section, SectionPage
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION = Request("GET", "/sections/7")
STEP = 8
"""Bytes: the slices of these tests hold one item or two."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Slices so small that a short list has several."""
    monkeypatch.setattr(slices, "_TEXTS", STEP)
    monkeypatch.setattr(slices, "_OBJECTS", STEP)
    monkeypatch.setattr(slices, "_FEW", 0)
    slices._form_of.cache_clear()
    yield
    slices._form_of.cache_clear()


def sliced(body: bytes, cls: type) -> tuple[list[int], Any]:
    """The sizes of the slices, and the value."""
    made = Slices(body, cls, Decoder(strict=True))
    return [*made], made.value


def whole(body: bytes, cls: Any) -> Any:
    """The value of a body that is decoded at once, or None."""
    read = reader(cls)
    assert read is not None
    try:
        return read(body)
    except Exception:
        return None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_collected_within_a_slice(enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two slices the collector is as it was, after one that fails, too."""
    body, within, decoder = json.dumps(section("France", "Spain", "Italy")).encode(), list[bool](), Decoder()

    def watched(part: bytes, cls: Any, drift: dict[str, None], *, many: bool = False) -> Any:
        if not many:
            return Decoder.decode_part(decoder, part, cls, drift)
        within.append(gc.isenabled())
        return Decoder.decode_part(decoder, part if len(within) < 3 else b"[0]", cls, drift, many=True)

    was, made = gc.isenabled(), Slices(body, Section, decoder)
    try:
        (gc.enable if enabled else gc.disable)()
        with monkeypatch.context() as patch:
            patch.setattr(made, "_decoder", SimpleNamespace(decode_part=watched))
            between = [gc.isenabled() for _ in made]
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
    assert within == [False] * 3
    assert set(between) == {enabled}
    assert made.value is None


def group(*ids: str) -> dict[str, Any]:
    return {"id": 1, "name": "France", "has_puller": False, "business_ids": [*ids]}


def section(*names: str) -> dict[str, Any]:
    groups = [{"id": number, "name": name, "has_puller": True} for number, name in enumerate(names)]
    return {"id": 7, "name": "Country", "groups": groups, "can_edit": True, "has_puller": False}


@pytest.mark.usefixtures("small")
@each("indent", [None, 1])
@each(
    ("data", "cls"), [(group(*(f"{one:024x}" for one in range(9))), Group), (section("one", "two", "three"), Section)]
)
def test_a_list_in_slices(indent: int | None, data: dict[str, Any], cls: type) -> None:
    """A slice ends between two items, and all of them are one whole list, however the server spaces its JSON."""
    body = json.dumps(data, indent=indent).encode()
    sizes, value = sliced(body, cls)
    items = data.get("groups") or data["business_ids"]
    assert len(items) - 1 <= len(sizes) <= len(items)
    assert sum(sizes) <= len(body)
    assert value == whole(body, cls) is not None


@pytest.mark.usefixtures("small")
@each(
    "body",
    [
        json.dumps(section('a},{"b', "c")).encode(),
        json.dumps(group('a","b', ",", ", ", "c")).encode(),
        json.dumps(section("a", "b")).encode().replace(b"true", b"1", 1),
        json.dumps(section("a", "b")).encode().replace(b'"id": 1', b'"id": 1.0'),
        json.dumps(section("a", "b")).encode()[:-1],
        json.dumps(section("a", "b")).encode().replace(b"}, {", b"}, , {"),
        json.dumps(section("a", "b")).encode().replace(b"}]", b"},]"),
        json.dumps(section("a", "b") | {"more": 1}).encode(),
        json.dumps({"more": {"groups": [{"id": 1}, {"id": 2}]}} | section("a", "b")).encode(),
        b'{"groups":[{"id":1,"name":"a","has_puller":true}],"groups":[{"id":2,"name":"b","has_puller":true}]}',
        b"[" * 100 + b"]" * 100,
    ],
)
def test_what_is_not_done_in_slices(body: bytes) -> None:
    """What a wrong cut could change, and what is not as documented, is left to the other decoders."""
    for cls in (Group, Section):
        value = sliced(body, cls)[1]
        assert value is None or value == whole(body, cls)


@each("cls", [Business, SectionPage, Group, Section])
def test_small_bodies_and_other_models(cls: type) -> None:
    """They have no slices: what is small, and models with no list or with lists in lists."""
    assert sliced(json.dumps(section("a", "b")).encode(), cls) == ([], None)


@pytest.mark.usefixtures("small")
@each(
    "body",
    [
        {"id": 7, "name": "Country", "can_edit": True, "has_puller": False, "parent": {"LIST": ["ITEMS"]}},
        {"id": 7, "name": "C", "LIST": None, "can_edit": True, "has_puller": False, "parent": {"LIST": ["ITEMS"]}},
        {"id": 7, "name": "C", "can_edit": True, "OTHER": [], "has_puller": False, "parent": {"LIST": ["ITEMS"]}},
        {"id": 7, "name": "Country", "can_edit": True, "has_puller": False, "LIST": ["ITEMS"], "OTHER": None},
        {"parent": {"LIST": []}, "id": 7, "name": "Country", "can_edit": True, "has_puller": False, "LIST": ["ITEMS"]},
        {"id": 7, "name": "Country", "can_edit": True, "has_puller": False, "LIST": ["ITEMS"], "parent": {"LIST": 1}},
    ],
)
@each(
    ("cls", "name", "other", "items"),
    [
        (Section, "groups", "gr\\u006fups", section("a", "b", "c")["groups"]),
        (Group, "business_ids", "business_id\\u0073", ["a" * 24, "b" * 24]),
    ],
)
def test_lists_of_unknown_fields(body: dict[str, Any], cls: Any, name: str, other: str, items: list[Any]) -> None:
    """A list that has the right name within an unknown field, or that another one replaces, is not the model's."""
    text = json.dumps({key: value for key, value in body.items() if cls is Section or key != "can_edit"})
    text = text.replace('"ITEMS"', json.dumps(items)[1:-1]).replace("LIST", name).replace("OTHER", other)
    expected, decoder = Decoder(), Decoder()
    for _ in range(2):  # the first one is what unknown fields are learned from
        model = expected.decode(text.encode(), cls, SECTION)
        made = Slices(text.encode(), cls, decoder)
        list(made)
        value = decoder.decode(text.encode(), cls, SECTION) if made.value is None else made.value
        assert value == model
    assert decoder.drift == expected.drift


texts = st.text(max_size=5) | st.sampled_from(["},{", '","', "]", "[", '"groups":[', "\\", '\\"', ",", "}"])
data_of = st.lists(texts, max_size=5).map(lambda all_of: group(*all_of)) | st.lists(texts, max_size=5).map(
    lambda all_of: section(*all_of)
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:")])
edits = st.tuples(
    st.integers(0, 200),
    st.integers(0, 2),
    st.sampled_from([b"", b'"', b"}", b"]", b"[", b"{", b",", b"\\", b'","', b"},{", b" ", b'"groups":['])
    | st.binary(max_size=2),
)


@pytest.mark.usefixtures("small")
@given(data=data_of, separators=separators, edits=st.lists(edits, max_size=2))
@example(data=section("},{", "a"), separators=(",", ":"), edits=[])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_slices_never_differ_from_the_whole(
    data: dict[str, Any], separators: tuple[str, str], edits: list[tuple[int, int, bytes]]
) -> None:
    """Whatever bytes come and wherever they are cut: a value of slices is the value of the whole."""
    body = json.dumps(data, separators=separators).encode()
    for place, length, text in edits:
        body = body[:place] + text + body[place + length :]
    for cls in (Group, Section):
        value = sliced(body, cls)[1]
        assert value is None or value == whole(body, cls)


def test_real_sizes() -> None:
    """A section of 20,000 groups has a handful of slices, each of a quarter of a MiB and an item at most."""
    body = json.dumps(section(*(f"Group {number}" for number in range(20_000)))).encode()
    sizes, value = sliced(body, Section)
    assert 4 <= len(sizes) <= 6
    assert max(sizes) <= 256 * 1024 + 100
    assert value is not None
    assert value == whole(body, Section)


def test_more_items_than_memory_may_hold() -> None:
    """Slices end at the limit of values, too."""
    body = b'{"id":1,"name":"","has_puller":true,"business_ids":[' + b'"",' * 1_500_000 + b'""]}'
    sizes, value = sliced(body, Group)
    assert sizes
    assert value is None
