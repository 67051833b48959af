"""Every type that an operation returns is closed: no unknown field and no wrong type passes unnoticed, at any depth.

A type is open only by a field that says so, which then has what is unknown: ``Annotated[..., TheRest]``.
"""

from __future__ import annotations

import copy
import datetime
import enum
import json
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Optional, Union, get_args, get_origin, get_type_hints

import attrs
import pytest

from partoo_async._internal.read_only import read_only
from partoo_async._internal.schema import TheRest
from partoo_async._protocol import business_query, operations
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Request
from partoo_async.errors import APIResponseValidationError
from partoo_async.models import Business, BusinessPage, Group, Section, SectionPage
from tests.support.each import each

REQUEST = Request("GET", "/sections/7")
Path = tuple[str | int, ...]


@attrs.frozen
class Point:
    """A class that the package does not know, with numbers that have a fraction."""

    latitude: float
    longitude: float = 0.0


@attrs.frozen
class Shop:
    """A class that the package does not know, of every kind of field that can be decoded."""

    id: int
    open: bool
    tags: tuple[str, ...]
    track: tuple[Point, ...]
    grid: tuple[tuple[Point, ...], ...]
    stops: tuple[Point | None, ...]
    sizes: tuple[float, ...] = ()
    point: Point | None = None
    note: str | None = None
    rating: Optional[float] = None  # noqa: UP045 - the older spelling of the same
    extra: Any = None


@attrs.frozen
class Park:
    """A class that the package does not know, which keeps what else is sent of it."""

    id: int
    trees: tuple[Point, ...] = ()
    name: str | None = None
    rest: Annotated[Mapping[str, Any], TheRest] = attrs.field(factory=dict, converter=read_only)


class Color(str, enum.Enum):  # noqa: UP042 - a kind of str that would pass for str
    """A text of which few are allowed."""

    RED = "red"


def result_types() -> list[type]:
    """The models in the annotations of the operations, ``Operation[Group]`` for instance."""
    found = set()
    for name in (*business_query.__all__, *operations.__all__):
        hint = get_type_hints(getattr(operations, name, None) or getattr(business_query, name)).get("return")
        found |= {kind for kind in get_args(hint) if attrs.has(kind)}
    return sorted(found, key=lambda kind: kind.__name__)


RESULTS = result_types()
EVERY = [*RESULTS, Shop, Park]
OPEN = {Business: "extra", Park: "rest"}
"""The types that keep what is unknown, and the field that has it. No other type does."""
CLOSED = [cls for cls in EVERY if cls not in OPEN]

SAMPLES: dict[object, object] = {int: 7, str: "x", bool: True, float: 1.5, Any: {"a": [1]}}
# 2 for a float is right: JSON has one type of number, and 2.0 is often written so.
WRONG: dict[object, tuple[object, ...]] = {
    int: ("7", True, 7.0, [], {}),
    str: (7, True, 1.5, ["x"], {}),
    bool: ("true", 1, 0, 1.0, [], {}),
    float: ("1.5", True, False, [], {}),
}
NOT_A_LIST: tuple[object, ...] = ("ab", 7, True, {"a": 1})
NOT_AN_OBJECT: tuple[object, ...] = ("ab", 7, True, [], [["id", 7]])


def bare(kind: Any) -> Any:
    """The kind without its None."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (arg for arg in get_args(kind) if arg is not type(None))
    return kind


def fields_of(kind: Any) -> dict[str, Any]:
    """The fields that a body has, and their types."""
    return {name: hint for name, hint in get_type_hints(kind).items() if name != OPEN.get(kind)}


def sample(kind: Any) -> Any:
    """A whole JSON value of this kind: each field of each object is there."""
    kind = bare(kind)
    if get_origin(kind) is tuple:
        return [sample(get_args(kind)[0]), sample(get_args(kind)[0])]
    if attrs.has(kind):
        return {name: sample(hint) for name, hint in fields_of(kind).items()}
    return copy.deepcopy(SAMPLES[kind])


def places(kind: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in the sample of this kind, and the kind of what stands there."""
    kind = bare(kind)
    yield path, kind
    if get_origin(kind) is tuple:
        yield from places(get_args(kind)[0], (*path, 1))
    elif attrs.has(kind):
        for name, hint in fields_of(kind).items():
            yield from places(hint, (*path, name))


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def with_value(cls: type, path: Path, value: object) -> bytes:
    data = sample(cls)
    if not path:
        return json.dumps(value).encode()
    at(data, path[:-1])[path[-1]] = value
    return json.dumps(data).encode()


def text(path: Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def objects(cls: type) -> list[tuple[Path, Any]]:
    return [(path, kind) for path, kind in places(cls) if attrs.has(kind) and kind not in OPEN]


def problems(body: bytes, cls: type, *, strict: bool) -> tuple[str, ...]:
    with pytest.raises(APIResponseValidationError) as caught:
        Decoder(strict=strict).decode(body, cls, REQUEST)
    return caught.value.problems


def test_the_result_types_are_found() -> None:
    """The other tests of this file speak of at least these models."""
    assert {Business, BusinessPage, Group, Section, SectionPage} <= set(RESULTS)


def test_open_types_are_these() -> None:
    """A type that keeps unknown fields is named above: none becomes open by accident."""
    inner = {kind for cls in EVERY for _, kind in places(cls) if attrs.has(kind)}
    found = {
        kind: name
        for kind in inner
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if get_origin(hint) is Annotated and TheRest in get_args(hint)
    }
    assert found == OPEN


@each("cls", OPEN)
@each("strict", [False, True])
def test_an_open_type_keeps_what_is_unknown(cls: type, strict: bool) -> None:
    """Fields without a place of their own are in the one for them, even one of its own name; none is drift."""
    others = {"color": {"rgb": [1, 2]}, OPEN[cls]: "x", "nothing": None}
    decoder = Decoder(strict=strict)
    body = json.dumps({**others, **sample(cls)}).encode()
    assert getattr(decoder.decode(body, cls, REQUEST), OPEN[cls]) == others
    # Also where the body is read slowly: Point has an unknown field, which is drift.
    if not strict:
        slow = b'{"id": 1, "color": 5, "trees": [{"latitude": 1.0, "height": 9}]}'
        park = decoder.decode(slow, Park, REQUEST)
        assert (park.trees, park.rest) == ((Point(1.0),), {"color": 5})
        assert decoder.drift == {"Point.height unknown": 1}


@each("cls", OPEN)
@each("strict", [False, True])
def test_an_open_type_needs_only_what_is_required(cls: type, strict: bool) -> None:
    """A field that is missing or null has its default, and is no drift; a required one is refused."""
    required = {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    assert required == {"id"}
    whole = sample(cls)
    decoder = Decoder(strict=strict)
    least = decoder.decode(json.dumps({"id": whole["id"]}).encode(), cls, REQUEST)
    nulls = {name: value if name == "id" else None for name, value in whole.items()}
    assert decoder.decode(json.dumps(nulls).encode(), cls, REQUEST) == least
    assert not decoder.drift
    assert problems(b"{}", cls, strict=strict) == ("missing @ $.id",)
    (problem,) = problems(json.dumps({**whole, "id": None}).encode(), cls, strict=strict)
    assert problem.startswith("expected ")


@each("cls", EVERY)
@each("strict", [False, True])
def test_a_whole_sample_decodes(cls: type, strict: bool) -> None:
    """A body with every field, each of its type, is no drift."""
    decoder = Decoder(strict=strict)
    assert type(decoder.decode(json.dumps(sample(cls)).encode(), cls, REQUEST)) is cls
    assert not decoder.drift


@each("cls", CLOSED)
def test_no_unknown_field_passes(cls: type) -> None:
    """A field more is drift in any object of the body, and an error when strict."""
    assert objects(cls)
    for path, kind in objects(cls):
        data = sample(cls)
        at(data, path)["color"] = 1
        body = json.dumps(data).encode()
        decoder = Decoder()
        decoder.decode(body, cls, REQUEST)
        assert decoder.drift == {f"{kind.__name__}.color unknown": 1}
        assert problems(body, cls, strict=True) == (f"unknown @ {text((*path, 'color'))}",)


@each("cls", CLOSED)
def test_no_unknown_field_passes_for_an_optional_one(cls: type) -> None:
    """A renamed optional field is drift, too, though the number of fields is right."""
    for path, kind in objects(cls):
        for field in attrs.fields(kind):
            if field.default is attrs.NOTHING:
                continue
            data = sample(cls)
            del at(data, path)[field.name]
            at(data, path)["color"] = 1
            body = json.dumps(data).encode()
            decoder = Decoder()
            decoder.decode(body, cls, REQUEST)
            assert decoder.drift == {f"{kind.__name__}.color unknown": 1}
            assert problems(body, cls, strict=True) == (f"unknown @ {text((*path, 'color'))}",)


def test_a_page_with_other_numbers_is_drift() -> None:
    """Three unknown fields do not pass for the three optional ones of a page of sections."""
    body = b'{"sections": [], "total": 5, "pages": 2, "current": 1}'
    assert problems(body, SectionPage, strict=True) == tuple(
        f"unknown @ $.{name}" for name in ("total", "pages", "current")
    )


@each("cls", EVERY)
@each("strict", [False, True])
def test_no_wrong_type_passes(cls: type, strict: bool) -> None:
    """A value of another type is refused at any place of the body, and never coerced."""
    wrong: tuple[object, ...]
    for path, kind in places(cls):
        if get_origin(kind) is tuple:
            expected, wrong = "list", NOT_A_LIST
        elif attrs.has(kind):
            expected, wrong = "object", NOT_AN_OBJECT
        elif kind is Any:
            continue
        else:
            expected, wrong = kind.__name__, WRONG[kind]
        for value in wrong:
            body = with_value(cls, path, value)
            assert problems(body, cls, strict=strict) == (f"expected {expected} @ {text(path)}",)


@each("strict", [False, True])
def test_a_whole_number_is_a_float(strict: bool) -> None:
    """JSON has one type of number: 2 is read as 2.0 where a float is documented."""
    point = Decoder(strict=strict).decode(b'{"latitude": 2}', Point, REQUEST)
    assert (point, type(point.latitude)) == (Point(2.0), float)


@each("strict", [False, True])
def test_null_where_it_is_allowed(strict: bool) -> None:
    """Null is a value of optional fields alone, and no drift there."""
    data = sample(Shop) | {"point": None, "note": None, "rating": None}
    shop = Decoder(strict=strict).decode(json.dumps(data).encode(), Shop, REQUEST)
    assert (shop.point, shop.note, shop.rating) == (None, None, None)
    for name in ("id", "open", "tags", "track", "grid", "sizes"):
        (problem,) = problems(with_value(Shop, (name,), None), Shop, strict=strict)
        assert problem.endswith(f"@ $.{name}")


@each(
    "kind",
    [
        pytest.param(kind, id=str(kind))
        for kind in (
            Color,
            bytes,
            object,
            datetime.datetime,
            list[int],
            dict[str, int],
            tuple[int, str],
            tuple[Color, ...],
            int | str,
            Color | None,
            tuple[list[int], ...] | None,
        )
    ],
)
@each("nested", [False, True])
def test_a_field_that_no_rule_decodes_is_refused(kind: Any, nested: bool) -> None:
    """A model whose field would be left to the defaults of cattrs cannot be decoded at all: its author is told."""
    cls: type = attrs.make_class("Odd", {"odd": attrs.field(type=kind)})
    if nested:
        cls = attrs.make_class("Outer", {"inner": attrs.field(type=tuple[cls, ...])})  # type: ignore[valid-type]
    with pytest.raises(TypeError, match=r"Odd\.odd: no rule decodes"):
        Decoder().decode(b"{}", cls, REQUEST)
