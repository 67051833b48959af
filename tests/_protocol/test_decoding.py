"""Bytes to models: strict about types, lenient about drift, and never quoting what the server sent."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.error_bodies import decode_error_body
from partoo_async._protocol.http import Request
from partoo_async._protocol.json import InvalidJSONError, decode_json, encode_json
from partoo_async.errors import APIResponseValidationError
from partoo_async.models import (
    BadRequestBody,
    BadRequestErrors,
    ForbiddenBody,
    ForbiddenErrors,
    Group,
    GroupSummary,
    Section,
    SectionPage,
    UnauthenticatedBody,
    UnauthenticatedErrors,
)
from tests.support.each import each

REQUEST = Request("GET", "/sections/7/groups/1")
BOM = b"\xef\xbb\xbf"

# The example of the official OpenAPI document of "Get Group", as it stands there.
OFFICIAL = b"""{
  "id": 1,
  "name": "France",
  "has_puller": true,
  "business_ids": [
    "a1f0e2d3b4c5e6f7a8b9c0d1",
    "3f2e1d4c5b6a7f8e9d0c1a2",
    "0e1d2c3b4a5f6e7d8c9a0b1"
  ]
}"""
FRANCE = Group(1, "France", True, ("a1f0e2d3b4c5e6f7a8b9c0d1", "3f2e1d4c5b6a7f8e9d0c1a2", "0e1d2c3b4a5f6e7d8c9a0b1"))

GOOD = {"id": 1, "name": "France", "has_puller": True, "business_ids": ["a"]}
GOOD_SUMMARY = {"id": 1, "name": "France", "has_puller": True}
GOOD_SECTION = {"id": 7, "name": "Country", "groups": [GOOD_SUMMARY], "can_edit": True, "has_puller": False}


def changed(base: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**base, **changes}).encode()


def without(base: dict[str, Any], *names: str) -> bytes:
    return json.dumps({name: value for name, value in base.items() if name not in names}).encode()


def problems(body: bytes, cls: type = Group, *, strict: bool = False) -> tuple[str, ...]:
    decoder = Decoder(strict=strict)
    with pytest.raises(APIResponseValidationError) as caught:
        decoder.decode(body, cls, REQUEST)
    assert caught.value.route == REQUEST.route
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert not decoder.drift
    return caught.value.problems


@each("strict", [False, True])
def test_the_official_example(strict: bool) -> None:
    """The answer that the documentation shows decodes as it is, ids of 23 characters included, and is no drift."""
    decoder = Decoder(strict=strict)
    assert decoder.decode(OFFICIAL, Group, REQUEST) == FRANCE
    assert not decoder.drift


@each(
    ("body", "cls", "model"),
    [
        pytest.param(changed(GOOD), Group, Group(1, "France", True, ("a",)), id="group"),
        pytest.param(changed(GOOD, business_ids=[]), Group, Group(1, "France", True, ()), id="empty group"),
        pytest.param(
            changed(GOOD, business_ids=["b", "a", "b", ""]),
            Group,
            Group(1, "France", True, ("b", "a", "b", "")),
            id="order and repetition of ids are the server's",
        ),
        pytest.param(changed(GOOD, id=0), Group, Group(0, "France", True, ("a",)), id="id 0"),
        pytest.param(
            changed(GOOD, id=9223372036854775807),
            Group,
            Group(9223372036854775807, "France", True, ("a",)),
            id="largest id",
        ),
        pytest.param(
            changed(GOOD, name="Île-de-France 🗼"), Group, Group(1, "Île-de-France 🗼", True, ("a",)), id="UTF-8"
        ),
        pytest.param(changed(GOOD, name=""), Group, Group(1, "", True, ("a",)), id="empty name"),
        pytest.param(changed(GOOD_SUMMARY), GroupSummary, GroupSummary(1, "France", True), id="summary"),
        pytest.param(
            changed(GOOD_SECTION),
            Section,
            Section(7, "Country", (GroupSummary(1, "France", True),), True, False),
            id="section",
        ),
        pytest.param(
            changed({"sections": [GOOD_SECTION], "page": 1, "max_page": 3, "count": 61}),
            SectionPage,
            SectionPage((Section(7, "Country", (GroupSummary(1, "France", True),), True, False),), 1, 3, 61),
            id="page",
        ),
        pytest.param(b'{"sections": []}', SectionPage, SectionPage(()), id="page without numbers"),
        pytest.param(
            b'{"sections": [], "page": null, "max_page": null, "count": null}',
            SectionPage,
            SectionPage(()),
            id="null numbers",
        ),
        pytest.param(BOM + OFFICIAL, Group, FRANCE, id="byte order mark"),
        pytest.param(b" \r\n\t" + OFFICIAL + b"\n", Group, FRANCE, id="white space around"),
        pytest.param(
            b'{"id": 2, "id": 1, ' + changed(GOOD)[1:], Group, Group(1, "France", True, ("a",)), id="duplicate key"
        ),
    ],
)
@each("strict", [False, True])
def test_decode(strict: bool, body: bytes, cls: type, model: object) -> None:
    """What fits the documentation decodes without drift, in either mode."""
    decoder = Decoder(strict=strict)
    assert decoder.decode(body, cls, REQUEST) == model
    assert not decoder.drift


@each(
    ("field", "value", "problem"),
    [
        *(
            pytest.param("id", value, "expected int @ $.id", id=f"id {label}")
            for value, label in [
                (True, "true"),
                (False, "false"),
                ("7", "text"),
                (1.0, "1.0"),
                (1.5, "1.5"),
                (None, "null"),
                ([], "list"),
                ({}, "object"),
                (2**64, "2**64, which JSON readers make a float"),
            ]
        ),
        *(
            pytest.param("id", value, "expected int from 0 to 2**63 - 1 @ $.id", id=f"id {value}")
            for value in (-1, 2**63, 2**64 - 1)
        ),
        *(
            pytest.param("name", value, "expected str @ $.name", id=f"name {value!r}")
            for value in (7, True, None, 1.0, ["France"], {"fr": "France"})
        ),
        *(
            pytest.param("has_puller", value, "expected bool @ $.has_puller", id=f"has_puller {value!r}")
            for value in ("false", "true", "", 0, 1, 1.0, [], {})
        ),
        *(
            pytest.param("business_ids", value, "expected list @ $.business_ids", id=f"business_ids {value!r}")
            for value in ("abc", "", 7, True, False, 1.0, {}, {"a": "b"})
        ),
        *(
            pytest.param(
                "business_ids", ["a", value], "expected str @ $.business_ids[1]", id=f"business_ids item {value!r}"
            )
            for value in (7, None, True, 1.0, ["b"], {})
        ),
    ],
)
def test_wrong_types_of_a_group(field: str, value: object, problem: str) -> None:
    """A wrong type is never coerced: the error names what was expected, and where."""
    assert problems(changed(GOOD, **{field: value})) == (problem,)


@each(
    ("body", "cls", "expected"),
    [
        *(
            pytest.param(body, Group, ("expected object @ $",), id=f"{body.decode()} for a group")
            for body in (b"null", b"[]", b'"France"', b"1", b"1.5", b"true", b"[{}]")
        ),
        pytest.param(b"{}", Group, ("missing @ $.id", "missing @ $.name"), id="empty group"),
        pytest.param(without(GOOD, "id"), Group, ("missing @ $.id",), id="no id"),
        pytest.param(without(GOOD, "name"), Group, ("missing @ $.name",), id="no name"),
        pytest.param(
            b'{"id": "1", "name": 1, "has_puller": 1, "business_ids": 1}',
            Group,
            (
                "expected int @ $.id",
                "expected str @ $.name",
                "expected bool @ $.has_puller",
                "expected list @ $.business_ids",
            ),
            id="everything",
        ),
        pytest.param(
            changed(GOOD_SECTION, groups=[GOOD_SUMMARY, {"id": "x", "name": "b", "has_puller": True}]),
            Section,
            ("expected int @ $.groups[1].id",),
            id="group of a section",
        ),
        pytest.param(
            changed(GOOD_SECTION, groups=[GOOD_SUMMARY, 7]), Section, ("expected object @ $.groups[1]",), id="no object"
        ),
        pytest.param(changed(GOOD_SECTION, groups={}), Section, ("expected list @ $.groups",), id="no list of groups"),
        pytest.param(
            changed(GOOD_SECTION, can_edit="yes"), Section, ("expected bool @ $.can_edit",), id="flag of a section"
        ),
        pytest.param(
            changed({"sections": [GOOD_SECTION, {**GOOD_SECTION, "groups": [{**GOOD_SUMMARY, "name": None}]}]}),
            SectionPage,
            ("expected str @ $.sections[1].groups[0].name",),
            id="deep in a page",
        ),
        pytest.param(b"{}", SectionPage, ("missing @ $.sections",), id="page without sections"),
        pytest.param(b'{"sections": null}', SectionPage, ("expected list @ $.sections",), id="null sections"),
        pytest.param(b'{"sections": [], "page": "1"}', SectionPage, ("expected int @ $.page",), id="page as text"),
        pytest.param(b'{"sections": [], "count": 1.0}', SectionPage, ("expected int @ $.count",), id="count as float"),
        pytest.param(b'{"sections": [], "count": true}', SectionPage, ("expected int @ $.count",), id="count true"),
    ],
)
def test_problems(body: bytes, cls: type, expected: tuple[str, ...]) -> None:
    """Every problem is named by its path, lists by index."""
    assert problems(body, cls) == expected


def test_problems_are_bounded() -> None:
    """A list of ten thousand wrong items does not make an error of ten thousand lines."""
    assert problems(changed(GOOD, business_ids=[7] * 10_000)) == tuple(
        f"expected str @ $.business_ids[{index}]" for index in range(20)
    )


@each(
    ("body", "cls", "model", "drift"),
    [
        pytest.param(
            without(GOOD, "business_ids"),
            Group,
            Group(1, "France", True, ()),
            {"Group.business_ids missing": ("missing @ $.business_ids",)},
            id="business_ids missing",
        ),
        pytest.param(
            changed(GOOD, business_ids=None),
            Group,
            Group(1, "France", True, ()),
            {"Group.business_ids null": ("null @ $.business_ids",)},
            id="business_ids null",
        ),
        pytest.param(
            without(GOOD, "has_puller"),
            Group,
            Group(1, "France", False, ("a",)),
            {"Group.has_puller missing": ("missing @ $.has_puller",)},
            id="has_puller missing",
        ),
        pytest.param(
            changed(GOOD, has_puller=None),
            Group,
            Group(1, "France", False, ("a",)),
            {"Group.has_puller null": ("null @ $.has_puller",)},
            id="has_puller null",
        ),
        pytest.param(
            changed(GOOD, color={"red": 1}),
            Group,
            Group(1, "France", True, ("a",)),
            {"Group.color unknown": ("unknown @ $.color",)},
            id="unknown field",
        ),
        pytest.param(
            changed(GOOD, **{"co\nlor": 1}),
            Group,
            Group(1, "France", True, ("a",)),
            {"Group.(unprintable name) unknown": ("unknown @ $.(unprintable name)",)},
            id="unknown field that would forge a log line",
        ),
        pytest.param(
            changed(GOOD, **{"x" * 65: 1}),
            Group,
            Group(1, "France", True, ("a",)),
            {"Group.(unprintable name) unknown": ("unknown @ $.(unprintable name)",)},
            id="unknown field with a long name",
        ),
        pytest.param(
            b'{"id": 7, "name": "Country"}',
            Section,
            Section(7, "Country", (), False, False),
            {
                "Section.groups missing": ("missing @ $.groups",),
                "Section.can_edit missing": ("missing @ $.can_edit",),
                "Section.has_puller missing": ("missing @ $.has_puller",),
            },
            id="bare section",
        ),
        pytest.param(
            changed(GOOD_SECTION, groups=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]),
            Section,
            Section(7, "Country", (GroupSummary(1, "a", False), GroupSummary(2, "b", False)), True, False),
            {
                "GroupSummary.has_puller missing": (
                    "missing @ $.groups[0].has_puller",
                    "missing @ $.groups[1].has_puller",
                )
            },
            id="twice in one answer counts once",
        ),
    ],
)
def test_drift(body: bytes, cls: type, model: object, drift: dict[str, tuple[str, ...]]) -> None:
    """Drift is tolerated and counted by field; with ``strict`` it is an error that names every place."""
    decoder = Decoder()
    assert decoder.decode(body, cls, REQUEST) == model
    assert decoder.drift == dict.fromkeys(drift, 1)
    decoder.decode(body, cls, REQUEST)
    assert decoder.drift == dict.fromkeys(drift, 2)
    expected = [place for places in drift.values() for place in places]
    assert sorted(problems(body, cls, strict=True)) == sorted(expected)


def test_strict_reports_in_the_order_of_the_document() -> None:
    """Two runs give the same text: unknown fields come in the order in which the server sent them."""
    names = [f"field_{number}" for number in range(15)]
    body = changed(GOOD, **dict.fromkeys(names, 1))
    assert problems(body, strict=True) == tuple(f"unknown @ $.{name}" for name in names)


def test_drift_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first of each kind is a WARNING of the logger ``partoo_async``; the next thousand are not."""
    decoder = Decoder()
    with caplog.at_level(logging.DEBUG, "partoo_async"):
        for _ in range(3):
            decoder.decode(without(GOOD, "business_ids"), Group, REQUEST)
        decoder.decode(changed(GOOD, color=1), Group, REQUEST)
    assert [(record.name, record.levelname) for record in caplog.records] == [("partoo_async", "WARNING")] * 2
    assert "Group.business_ids missing" in caplog.messages[0]
    assert "Group.color unknown" in caplog.messages[1]


def test_a_refused_answer_counts_no_drift() -> None:
    """Only answers that were used show in the report; ``problems`` checks that the decoder counted nothing."""
    assert problems(changed(GOOD, id="x", color=1)) == ("expected int @ $.id",)


def test_drift_is_bounded() -> None:
    """A server that names its fields at random fills neither the memory nor the log of a long scan."""
    decoder = Decoder()
    for number in range(3000):
        decoder.decode(changed(GOOD, **{f"field_{number}": 1}), Group, REQUEST)
    assert len(decoder.drift) <= 1000


INVALID = [
    pytest.param(b"", id="empty"),
    pytest.param(b" \n", id="blank"),
    pytest.param(BOM, id="byte order mark alone"),
    pytest.param(OFFICIAL[:-1], id="last byte cut off"),
    pytest.param(OFFICIAL[:40], id="cut in the middle"),
    pytest.param(OFFICIAL + b"}", id="one bracket more"),
    pytest.param(OFFICIAL + OFFICIAL, id="two answers"),
    pytest.param(b"<html><body>Bad Gateway</body></html>", id="HTML"),
    pytest.param(b"{'id': 1}", id="single quotes"),
    pytest.param(b'{"id": 1,}', id="comma at the end"),
    pytest.param(b'{"id": NaN}', id="NaN"),
    pytest.param(b'{"id": Infinity}', id="Infinity"),
    pytest.param(b'{"id": -Infinity}', id="-Infinity"),
    pytest.param(b'{"id": 1e999}', id="a number beyond floats"),
    pytest.param(b'{"id": 01}', id="leading zero"),
    pytest.param(b'{"name": "\\ud800"}', id="lone surrogate"),
    pytest.param(b'{"name": "\xff"}', id="not UTF-8"),
    pytest.param('{"name": "é"}'.encode("latin-1"), id="Latin-1"),
    pytest.param('{"id": 1}'.encode("utf-16"), id="UTF-16"),
    pytest.param(b'{"name": "a\nb"}', id="line break in a string"),
    pytest.param(b'{"id": 1}\x00', id="NUL at the end"),
    pytest.param(b"[" * 200_000 + b"]" * 200_000, id="200,000 levels"),
    pytest.param(b"[" * 200_000, id="200,000 levels, never closed"),
    pytest.param(b'{"a":' * 200_000, id="200,000 objects, never closed"),
    pytest.param(BOM * 5000, id="nothing but byte order marks"),
    pytest.param(BOM * 5000 + b"{}", id="5,000 byte order marks in front"),
    pytest.param(BOM + BOM + b"{}", id="two byte order marks in front"),
]


@each("body", INVALID)
def test_invalid_json(body: bytes) -> None:
    """A body that is not one complete JSON value is told apart from one that does not fit: it may be a cut answer."""
    with pytest.raises(InvalidJSONError) as caught:
        Decoder().decode(body, Group, REQUEST)
    assert caught.value.__context__ is None
    with pytest.raises(InvalidJSONError):
        decode_json(body)


def test_every_cut_of_an_answer_is_noticed() -> None:
    """No prefix of an answer passes for an answer."""
    for length in range(len(OFFICIAL)):
        with pytest.raises(InvalidJSONError):
            Decoder().decode(OFFICIAL[:length], Group, REQUEST)


def test_ten_thousand_digits_are_no_id() -> None:
    """An integer of any length is answered with one of the two errors, not with that of Python's int."""
    with pytest.raises((InvalidJSONError, APIResponseValidationError)):
        Decoder().decode(b'{"id": ' + b"9" * 10_000 + b', "name": "x"}', Group, REQUEST)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
near_groups = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(-5, 2**64) | json_values,
        "name": st.text() | json_values,
        "has_puller": st.booleans() | json_values,
        "business_ids": st.lists(st.text(), max_size=4) | st.lists(json_values, max_size=4) | json_values,
        "color": json_values,
    },
)


@given(data=near_groups | json_values, strict=st.booleans())
def test_any_json_is_a_group_or_an_error(data: object, strict: bool) -> None:
    """Whatever JSON comes: a group whose every field has its documented type, or an error that names places."""
    try:
        body = json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(data).encode()
    try:
        group = Decoder(strict=strict).decode(body, Group, REQUEST)
    except (APIResponseValidationError, InvalidJSONError) as error:
        texts = error.problems if isinstance(error, APIResponseValidationError) else (str(error),)
        invalid = [text for text in texts if not (text and text.isprintable())]
        complete = isinstance(error, InvalidJSONError) or all(" @ $" in text for text in texts)
    else:
        assert isinstance(data, dict)
        assert (type(group.id), type(group.name)) == (int, str)
        assert (type(group.has_puller), type(group.business_ids)) == (bool, tuple)
        assert 0 <= group.id < 2**63
        assert (group.id, group.name) == (data["id"], data["name"])
        assert group.has_puller is bool(data.get("has_puller"))
        assert list(group.business_ids) == (data.get("business_ids") or [])
        invalid, complete = [], True
    assert not invalid
    assert complete


@given(body=st.binary() | st.text().map(str.encode), cls=st.sampled_from([Group, Section, SectionPage]))
@example(body=BOM * 5000, cls=Group)
def test_any_bytes_end_in_one_of_two_errors(body: bytes, cls: type) -> None:
    """Whatever bytes come, nothing but these errors is raised, and nothing but the model returned."""
    try:
        value = Decoder().decode(body, cls, REQUEST)
    except (APIResponseValidationError, InvalidJSONError):
        return
    assert type(value) is cls


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=30).map("zq7".__add__))
def test_errors_never_quote_the_payload(marker: str) -> None:
    """A payload may hold names, ids and secrets: no error text repeats a value of it."""
    body = changed(GOOD, id=marker, has_puller=[marker], business_ids=[{marker: marker}])
    with pytest.raises(APIResponseValidationError) as caught:
        Decoder().decode(body, Group, REQUEST)
    assert marker not in str(caught.value)
    assert marker not in repr(caught.value)


@each(
    ("status", "body", "value", "raw"),
    [
        # The documented bodies, under the key of the schema and under that of the guide.
        *(
            pytest.param(
                status, json.dumps({key: errors}).encode(), model, {key: errors}, id=f"{status} {key}, {label}"
            )
            for key in ("errors", "error")
            for status, errors, model, label in [
                (400, {"json": {"name": ["taken"]}}, BadRequestBody(BadRequestErrors({"name": ["taken"]})), "messages"),
                (400, {"json": {}}, BadRequestBody(BadRequestErrors({})), "empty object"),
                (400, {}, BadRequestBody(), "defaults"),
                (
                    401,
                    {"authentication": "User not authenticated"},
                    UnauthenticatedBody(UnauthenticatedErrors("User not authenticated")),
                    "documented text",
                ),
                (401, {"authentication": "Expired"}, UnauthenticatedBody(UnauthenticatedErrors("Expired")), "own text"),
                (401, {}, UnauthenticatedBody(), "defaults"),
                (
                    403,
                    {"authorization": "Operation not allowed"},
                    ForbiddenBody(ForbiddenErrors("Operation not allowed")),
                    "documented text",
                ),
                (
                    403,
                    {"authorization": "Manager in group"},
                    ForbiddenBody(ForbiddenErrors("Manager in group")),
                    "own text",
                ),
                (403, {}, ForbiddenBody(), "defaults"),
            ]
        ),
        # Other statuses have no documented class: the JSON stays as it is.
        *(
            pytest.param(status, json.dumps(data).encode(), data, data, id=f"{status} {label}")
            for status, data, label in [
                (404, {"errors": {"json": "Resource not found"}}, "errors"),
                (404, {"error": {"json": "Resource not found"}}, "error"),
                (415, {"errors": {"json": "Unsupported media type. Please use application/json"}}, "errors"),
                (429, {"errors": "slow down"}, "text"),
                (500, {"errors": ["a", "b"]}, "list"),
                (418, {"tea": True}, "another shape"),
                (503, [], "top list"),
                (502, "gateway", "top text"),
            ]
        ),
        # A misfit stays as it is, too.
        *(
            pytest.param(status, json.dumps(data).encode(), data, data, id=f"misfit: {status} {json.dumps(data)}")
            for status, data in [
                (401, {"errors": {"authentication": 7}}),
                (401, {"errors": "no"}),
                (401, {"errors": ["no"]}),
                (401, {"errors": None}),
                (401, {"message": "no"}),
                (401, {"errors": {"json": "key expired"}}),
                (403, {"errors": {"authorization": None}}),
                (403, {"errors": {"json": {"group": ["locked"]}}}),
                (400, {"errors": []}),
                (400, ["no"]),
                (400, {}),
            ]
        ),
        # No JSON: text, cut, or nothing.
        pytest.param(500, b"", None, None, id="empty"),
        pytest.param(500, b" \r\n", None, None, id="blank"),
        pytest.param(502, b"<html>Bad Gateway</html>\n", *["<html>Bad Gateway</html>"] * 2, id="HTML"),
        pytest.param(401, b"<html>401</html>", *["<html>401</html>"] * 2, id="HTML for a documented status"),
        pytest.param(400, b'{"errors": {"json"', *['{"errors": {"json"'] * 2, id="truncated"),
        pytest.param(500, "é".encode("latin-1"), "\ufffd", "\ufffd", id="not UTF-8"),
        pytest.param(500, b"x" * 5000, *["x" * 2000] * 2, id="long text"),
        pytest.param(500, ("é" * 5000).encode(), *["é" * 2000] * 2, id="long text of two bytes each"),
        pytest.param(500, b"[" * 200_000, *["[" * 2000] * 2, id="deep"),
    ],
)
def test_decode_error_body(status: int, body: bytes, value: object, raw: object) -> None:
    """An error's body is its documented class where it fits, else the JSON, else the start of the text, else None."""
    assert decode_error_body(status, body) == (value, raw)


def test_both_keys_of_an_error_body() -> None:
    """Where a body has both keys, that of the schema wins."""
    body = b'{"error": {"authentication": "old"}, "errors": {"authentication": "new"}}'
    assert decode_error_body(401, body)[0] == UnauthenticatedBody(UnauthenticatedErrors("new"))


def test_unknown_fields_of_an_error_body() -> None:
    """A field more does not keep a body from being the documented one; it is in the raw value."""
    value, raw = decode_error_body(401, b'{"errors": {"authentication": "no", "code": 7}, "trace": "x"}')
    assert value == UnauthenticatedBody(UnauthenticatedErrors("no"))
    assert raw == {"errors": {"authentication": "no", "code": 7}, "trace": "x"}


error_like = st.fixed_dictionaries(
    {},
    optional={
        key: json_values
        | st.fixed_dictionaries({}, optional=dict.fromkeys(["json", "authentication", "authorization"], json_values))
        for key in ("errors", "error")
    },
).map(lambda data: json.dumps(data).encode())


@given(
    status=st.sampled_from([400, 401, 403, 404, 415, 429, 500, 502]) | st.integers(0, 999),
    body=st.binary() | error_like,
)
@example(status=400, body=BOM * 5000)
@example(status=400, body=b"[" * 200_000)
def test_decode_error_body_is_total(status: int, body: bytes) -> None:
    """Reading the body of an error never raises another one."""
    value, raw = decode_error_body(status, body)
    documented = {400: BadRequestBody, 401: UnauthenticatedBody, 403: ForbiddenBody}.get(status)
    assert value is raw or type(value) is documented


@each(
    ("value", "body"),
    [
        pytest.param(
            {"name": "Île", "business__in": ["a"]}, '{"name":"Île","business__in":["a"]}'.encode(), id="object"
        ),
        pytest.param([], b"[]", id="list"),
        pytest.param(None, b"null", id="null"),
        pytest.param(True, b"true", id="true"),
    ],
)
def test_encode(value: object, body: bytes) -> None:
    """JSON goes out compact and in UTF-8."""
    assert encode_json(value) == body


@each(
    "value",
    [
        pytest.param(object(), id="object"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({1: "a"}, id="key that is no text"),
        pytest.param({"a": {1, 2}}, id="set"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param(2**64, id="int beyond 64 bits"),
        pytest.param(float("nan"), id="nan, which must not become null"),
        pytest.param({"a": [float("inf")]}, id="inf, which must not become null"),
    ],
)
def test_encode_refuses(value: object) -> None:
    """What JSON cannot express is a ``TypeError``, not something else in its place."""
    with pytest.raises(TypeError):
        encode_json(value)
