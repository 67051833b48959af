"""Bytes straight to models: what they decode is what the other decoders decode, and the rest is left to those."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from partoo_async._protocol import decoding
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Request
from partoo_async._protocol.json import InvalidJSONError, TooManyValuesError
from partoo_async._protocol.operations import MarkedSection, get_marked_section, get_section
from partoo_async._protocol.structs import part_reader, reader
from partoo_async.errors import APIResponseValidationError
from partoo_async.models import Business, BusinessPage, Group, GroupSummary, Section, SectionPage
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUEST = Request("GET", "/sections/7/groups/1")
MODELS: list[Any] = [Group, GroupSummary, Section, SectionPage]
BOM = b"\xef\xbb\xbf"


def outcome(body: bytes, cls: type, *, strict: bool, direct: bool, before: Sequence[bytes] = ()) -> object:
    """What a decoder returns or raises, to the type, and its drift. ``direct``: it may use what is tested here.

    ``before``: bodies that it decoded before.
    """
    decoder = Decoder(strict=strict)
    if not direct:
        decoder._readers[cls] = None
    for one in before:
        with suppress(APIResponseValidationError, InvalidJSONError):
            decoder.decode(one, cls, REQUEST)
    try:
        value: Any = decoder.decode(body, cls, REQUEST)
    except APIResponseValidationError as error:
        return type(error), str(error), error.problems, error.__context__
    except InvalidJSONError as error:
        return type(error), str(error), error.__context__
    return repr(attrs.astuple(value)), dict(decoder.drift)


def reads(body: bytes, cls: Any) -> bool:
    """Whether a body is decoded directly."""
    read = reader(cls)
    assert read is not None
    try:
        read(body)
    except Exception:
        return False
    return True


@contextmanager
def directly() -> Iterator[None]:
    """Refuse every other way to decode a body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "decode_json", None)
        yield


def group(**changed: str) -> bytes:
    """A documented group, with the JSON of some fields changed."""
    fields = {"id": "1", "name": '"France"', "has_puller": "true", "business_ids": '["a"]', **changed}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items() if text) + "}").encode()


@each(
    "body",
    [
        group(),
        json.dumps(json.loads(group()), indent=2).encode(),
        group(id="-0"),
        group(id=str(2**63 - 1)),
        group(business_ids="[]"),
        group(name='"\\ud83d\\ude00 \\u00e9 \\" \\\\ \\/ \u007f é"'),
        group() + b" \r\n\t",
        b'{"id":7,"i\\u0064":1,"name":"","has_puller":false,"business_ids":[],"name":"last"}',
    ],
)
def test_documented_bodies(body: bytes) -> None:
    """They are decoded directly, whatever JSON writes in several ways, and equal to what the others make of them."""
    assert reads(body, Group)
    assert outcome(body, Group, strict=True, direct=True) == outcome(body, Group, strict=True, direct=False)


@each(
    "body",
    [
        *(
            group(id=text)
            for text in ("true", '"1"', "1.0", "1e0", "-1", "null", "01", str(2**63), str(2**64), "9" * 400)
        ),
        *(group(name=text) for text in ("1", "null", '["a"]', '"\\ud800"', '"\\udc00\\ud800"', '"a\nb"', '"\\q"')),
        *(group(has_puller=text) for text in ("1", "0", '"true"', "null", "")),
        *(group(business_ids=text) for text in ('"a"', '["a",1]', '["a",null]', '{"a":"b"}', '["a",]', "null", "")),
        *(group(color=text) for text in ("1", "NaN", "-Infinity", "[[[]]]")),
        group().replace(b"France", b"\xff"),
        group().replace(b"France", b"\xed\xa0\x80"),
        BOM + group(),
        group() + b"\x00",
        group() + group(),
        group()[:-1],
        b"[" + group() + b"]",
        b"NaN",
        b"",
    ],
)
@each("strict", [False, True])
def test_what_is_left_to_the_others(body: bytes, strict: bool) -> None:
    """What is not as documented is not decoded directly: its result, its error and its drift are those of before."""
    assert not reads(body, Group)
    assert outcome(body, Group, strict=strict, direct=True) == outcome(body, Group, strict=strict, direct=False)


@each("cls", MODELS)
def test_which_models(cls: Any) -> None:
    """All that are as closed as their documentation."""
    assert reader(cls) is not None
    assert reader(cls) is reader(cls)  # made once, however many clients there are
    assert part_reader(cls, many=True) is not None


@each("cls", [Business, BusinessPage, attrs.make_class("Odd", {"one": attrs.field(type=complex)})])
def test_which_models_not(cls: Any) -> None:
    """A model that keeps unknown fields is decoded in another way, and so is one with a field of no known type."""
    assert reader(cls) is None
    assert part_reader(cls, many=True) is None


def summary(**changed: Any) -> dict[str, Any]:
    return {"id": 1, "name": "a", "has_puller": True, **changed}


def section(**changed: Any) -> dict[str, Any]:
    return {"id": 7, "name": "b", "can_edit": True, "has_puller": True, "groups": [], **changed}


texts = st.text() | st.sampled_from(['},{"', '","', "]", '"groups":[', "\\", "\ud83d"])
scalars = st.none() | st.booleans() | st.integers(-2, 2**65) | st.floats() | texts
summaries = st.fixed_dictionaries(
    {"id": st.integers(0, 2**63 - 1), "name": texts, "has_puller": st.booleans()}, optional={"more": scalars}
)
sections = st.fixed_dictionaries(
    {"id": st.integers(0, 9), "name": texts, "groups": st.lists(summaries, max_size=3)},
    optional={"can_edit": st.booleans() | scalars, "has_puller": st.booleans(), "more": scalars},
)
groups = st.fixed_dictionaries(
    {"id": st.integers(0, 2**64), "name": texts, "has_puller": st.booleans()},
    optional={"business_ids": st.lists(texts | scalars, max_size=4), "more": scalars},
)
pages = st.fixed_dictionaries(
    {"sections": st.lists(sections, max_size=2)}, optional={"page": scalars, "count": scalars}
)
edits = st.none() | st.tuples(
    st.integers(0, 100),
    st.integers(0, 3),
    st.binary(max_size=2) | st.sampled_from([b'"', b"}", b"]", b",", b"0", b'"id":2,', b"\\"]),
)


def edited(data: object, edit: tuple[int, int, bytes] | None) -> bytes:
    body = json.dumps(data).encode()
    return body if edit is None else body[: edit[0]] + edit[2] + body[edit[0] + edit[1] :]


bodies = st.one_of(
    *(
        st.tuples(st.builds(edited, data, edits) | st.binary(max_size=20), st.just(cls))
        for data, cls in [(groups, Group), (summaries, GroupSummary), (sections, Section), (pages, SectionPage)]
    )
)


@given(made=bodies, strict=st.booleans())
@example(made=(group(), Group), strict=True)
@settings(max_examples=120)
def test_any_body_is_decoded_as_before(made: tuple[bytes, type], strict: bool) -> None:
    """Of any bytes the result to the type, the error to its words, and the drift are those of the other decoders."""
    body, cls = made
    assert outcome(body, cls, strict=strict, direct=True) == outcome(body, cls, strict=strict, direct=False)


@given(made=st.tuples(bodies, bodies, bodies), strict=st.booleans())
@settings(max_examples=120)
def test_any_body_is_decoded_as_before_after_others(made: tuple[tuple[bytes, type], ...], strict: bool) -> None:
    """So it is whatever drift was learned from the bodies before."""
    *before, (body, cls) = made
    others = [one for one, _ in before]
    direct, other = (outcome(body, cls, strict=strict, direct=way, before=others) for way in (True, False))
    assert direct == other


@each(
    ("body", "cls", "kind"),
    [
        (group(color='"red"'), Group, "Group.color unknown"),
        (group(**{"a-b c": '{"d":[1,{"e":null}]}'}), Group, "Group.(unprintable name) unknown"),
        (group(class_="1").replace(b"class_", b"class"), Group, "Group.class unknown"),
        (group(has_puller=""), Group, "Group.has_puller missing"),
        (group(business_ids="null"), Group, "Group.business_ids null"),
        (json.dumps(section(groups=[summary(more=1)])).encode(), Section, "GroupSummary.more unknown"),
        (json.dumps(section(groups=None)).encode(), Section, "Section.groups null"),
        (json.dumps({"sections": [section(more=1)], "page": 1}).encode(), SectionPage, "Section.more unknown"),
    ],
)
def test_drift_that_was_seen_before(body: bytes, cls: type, kind: str) -> None:
    """The next body with it is decoded directly, to the same model, and its drift is counted."""
    decoder = Decoder()
    first = decoder.decode(body, cls, REQUEST)
    with directly():
        assert decoder.decode(body, cls, REQUEST) == first
        assert decoder.drift[kind] == 2
    fresh = Decoder()
    fresh._readers[cls] = None
    assert fresh.decode(body, cls, REQUEST) == first


def test_no_drift_after_drift() -> None:
    """A body that is as documented counts nothing, whatever came before."""
    decoder = Decoder()
    decoder.decode(group(color="1"), Group, REQUEST)
    with directly():
        decoder.decode(group(), Group, REQUEST)
    assert decoder.drift == {"Group.color unknown": 1}


def test_names_at_random() -> None:
    """A server that names its fields at random makes no reader for each: only the first names are learned."""
    decoder = Decoder()
    for number in range(100):
        decoder.decode(group(**{f"field{number}": "1"}), Group, REQUEST)
    assert len((decoder._unknown or {})[Group]) == 32
    assert len(decoder.drift) == 100


def test_unknown_values_count_against_the_limit() -> None:
    """What is left out is bounded all the same: it is decoded, too."""
    decoder = Decoder()
    decoder.decode(group(color="1"), Group, REQUEST)
    body = group(color="[" + "[]," * 250_000 + "[]]")
    with pytest.raises(TooManyValuesError):
        decoder.decode(body, Group, REQUEST)
    with pytest.raises(TooManyValuesError):
        decoder.decode_part(body, Group, {})


def test_more_values_than_memory_may_hold() -> None:
    """The limit of values holds for documented bodies, too."""
    body = group(business_ids="[" + '"",' * 1_500_000 + '""]')
    with pytest.raises(TooManyValuesError):
        Decoder().decode(body, Group, REQUEST)


SECTION = {"id": 7, "name": "S", "can_edit": True, "has_puller": False, "groups": [summary(), summary(id=2)]}


def fields_of(section: Any) -> tuple[object, ...]:
    groups = [(one.id, one.name, one.has_puller) for one in section.groups]
    return section.id, section.name, section.can_edit, section.has_puller, groups


@each("strict", [False, True])
@each(
    "body",
    [
        *(
            json.dumps(SECTION | changed).encode()
            for changed in (
                {},
                {"groups": []},
                {"groups": [summary(color="red")]},
                {"groups": [summary(has_puller=None)]},
                {"groups": [{"id": 1, "name": "a"}]},
                {"color": "red"},
                {"name": None},
                {"groups": [summary(id="1")]},
                {"id": 8},
            )
        ),
        BOM + json.dumps(SECTION).encode(),
        json.dumps(SECTION).encode()[:-1],
    ],
)
def test_plainly(body: bytes, strict: bool) -> None:
    """What is decoded without models has their fields, or raises their error, and counts the same drift: the first
    time and, once drift is known, the second."""

    def results(*, plain: bool) -> list[object]:
        decoder, operation, found = (
            Decoder(strict=strict),
            get_marked_section(7, "") if plain else get_section(7),
            list[object](),
        )
        for _ in range(2):
            try:
                read = operation.read(decoder, body, operation.request)
                found.append(fields_of(read.section if isinstance(read, MarkedSection) else read))
            except (APIResponseValidationError, InvalidJSONError) as error:
                found.append((type(error), str(error), getattr(error, "problems", None)))
        return [*found, dict(decoder.drift)]

    assert results(plain=True) == results(plain=False)


def test_plainly_makes_no_model() -> None:
    """That is what it is for. A read whose result is no model is shared with nobody, and decoded in slices if large."""
    operation = get_marked_section(7, "")
    section, _ = operation.read(Decoder(), json.dumps(SECTION).encode(), operation.request)
    assert not attrs.has(type(section))
    assert not attrs.has(type(section.groups[0]))
    assert not operation.shareable
    assert operation.model is Section


def test_plainly_refuses_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that may hold too many is refused before it is decoded."""
    monkeypatch.setattr(decoding, "SHORT_FOR_MODELS", 0)
    monkeypatch.setattr(decoding, "check_size", refuse := Mock(side_effect=TooManyValuesError("too many")))
    operation = get_marked_section(7, "")
    with pytest.raises(TooManyValuesError):
        operation.read(Decoder(), json.dumps(SECTION).encode(), operation.request)
    assert refuse.called
