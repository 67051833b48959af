"""What is sent to find businesses, and what is refused before that."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import APIResponseValidationError, Business, BusinessPage, ConfigurationError
from partoo_async._protocol.business_query import (
    check_business_texts,
    check_group_ids,
    get_business,
    search_businesses,
    status_forms,
)
from partoo_async._protocol.decoding import Decoder
from tests.support.each import each

TWO = ("closed_temporarily", "temporarily_closed")


def sent(**query: Any) -> dict[str, str]:
    """The query of a search, by its parameters."""
    operation = search_businesses(**{"page": 1, "per_page": 100, "status": ("open",)} | query)
    path, _, text = operation.request.path.partition("?")
    assert path == "/business/search"
    assert "%2C" not in text, "lists are separated by plain commas"
    return {name: value for name, (value,) in parse_qs(text, strict_parsing=True).items()}


@each(
    ("given", "expected"),
    [
        ({"page": 3, "per_page": 1}, {"page": "3", "per_page": "1"}),
        ({"ids": ("a", "b")}, {"business__in": "a,b"}),
        ({"groups": (1, 2)}, {"groups": "1,2"}),
        ({"codes": ("75/1", "é")}, {"code": "75/1,é"}),
        ({"status": ("open", "closed")}, {"status": "open,closed"}),
        ({"query": "a&b", "name": "n", "city": "c", "zipcode": "01", "country": "FR"}, {"query": "a&b", "name": "n"}),
        ({"modified_since": 1.5}, {"modified__gte": "1.5"}),
        ({"modified_since": datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)}, {"modified__gte": "1000000000"}),
        ({"org_id": "7"}, {"org_id": "7"}),
        ({"order_by": "-name"}, {"order_by": "-name"}),
    ],
)
def test_what_is_sent(given: dict[str, Any], expected: dict[str, str]) -> None:
    """Each argument is a documented parameter; what is not given is not sent."""
    query = sent(**given)
    assert query == {"page": "1", "per_page": "100", "status": "open"} | query | expected
    names = {"ids": "business__in", "codes": "code", "modified_since": "modified__gte"}
    assert query.keys() == {"page", "per_page", "status"} | {names.get(name, name) for name in given}


@each(
    ("given", "message"),
    [
        ({"page": 0}, "page: expected at least 1, not 0"),
        ({"page": True}, "page: expected an int"),
        ({"per_page": 101}, "per_page: expected at most 100, not 101"),
        ({"per_page": 0}, "per_page: expected at least 1, not 0"),
        ({"query": 7}, "query: expected a string, not int"),
        ({"order_by": b"id"}, "order_by: expected a string, not bytes"),
        ({"city": "\ud800"}, "city: the text holds half a surrogate pair"),
        ({"modified_since": "yesterday"}, "modified_since: expected a number, not str"),
        ({"modified_since": True}, "modified_since: expected a number, not bool"),
        ({"modified_since": float("nan")}, "modified_since: expected a finite number"),
        ({"modified_since": datetime(2026, 1, 1)}, "modified_since: expected a time with a time zone"),
        ({"org_id": -1}, "org_id: expected an id"),
    ],
)
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    """A bad argument is one clear error that names it."""
    with pytest.raises(ConfigurationError, match=message):
        sent(**given)


@each(
    ("value", "message"),
    [
        ("abc", "ids: expected an iterable of strings, not str"),
        (7, "ids: expected an iterable of strings, not int"),
        ([7], "ids: expected a string, not int"),
        ([""], "ids: expected non-empty strings without ','"),
        (["a,b"], "ids: expected non-empty strings without ','"),
    ],
)
def test_lists_of_texts(value: Any, message: str) -> None:
    """A string is no list of strings, and a comma would make two ids of one."""
    with pytest.raises(ConfigurationError, match=message):
        check_business_texts("ids", value)
    assert check_business_texts("ids", iter(["b", "a", "b"])) == ("b", "a")


def test_ids_of_groups() -> None:
    """One or several, as numbers or digits, each once; maybe none."""
    assert [check_group_ids(value) for value in (7, "7", [7, "8", 7], ())] == [(7,), (7,), (7, 8), ()]
    with pytest.raises(ConfigurationError, match="groups: expected"):
        check_group_ids([None])


@each(
    ("status", "expected"),
    [
        (None, [("open", "closed", "opening_soon", *one) for one in (TWO, TWO[:1], TWO[1:])]),
        ("open", [("open",)]),
        (["closed", "open"], [("closed", "open")]),
        ("temporarily_closed", [TWO, TWO[:1], TWO[1:]]),
        (["closed_temporarily", "open"], [("open", *one) for one in (TWO, TWO[:1], TWO[1:])]),
        (["temporarily_closed", "closed_temporarily"], [TWO, TWO[:1], TWO[1:]]),
        (["not_known_yet"], [("not_known_yet",)]),
        ([], [()]),
    ],
)
def test_statuses_are_sent_in_both_spellings_first(status: Any, expected: list[tuple[str, ...]]) -> None:
    """None is every status. Where a temporary closure is meant, both spellings go, then the newer, then the older."""
    assert status_forms(status) == expected


@each(
    ("given", "path"),
    [
        ({"business_id": "5409c35a97bbc544d8e26737"}, "/business/5409c35a97bbc544d8e26737"),
        ({"business_id": "a/b?c"}, "/business/a%2Fb%3Fc"),
        ({"code": "75/1 é"}, "/business/c-75%2F1%20%C3%A9"),
        ({"code": "100%"}, "/business/c-100%25"),
        ({"code": "..."}, "/business/c-..."),
        ({"code": "c-1"}, "/business/c-c-1"),
    ],
)
def test_where_a_business_is(given: dict[str, str], path: str) -> None:
    """An id or a code is escaped whole: it stays one part of the path."""
    assert get_business(**{"business_id": None, "code": None} | given).request.path == path


@each(
    ("business_id", "code", "message"),
    [
        (None, None, "business_id: expected either an id, or code="),
        ("a", "b", "business_id: expected either an id, or code="),
        ("", None, "business_id: expected a non-empty string"),
        (None, "", "code: expected a non-empty string"),
        (7, None, "business_id: expected a string, not int"),
        (None, 75, "code: expected a string, not int"),
        ("..", None, "business_id: '.' and '..' would be another path"),
        ("..;a", None, "business_id: '.' and '..' would be another path"),
        (None, "a/%252e%252e/b", "code: '.' and '..' would be another path"),
        ("c-75", None, "a store code is given as code="),
        ("search", None, "business_id: the API reads this as something else"),
    ],
)
def test_what_is_no_business(business_id: Any, code: Any, message: str) -> None:
    """What the server would read as another path is refused, and so is what is neither id nor code."""
    with pytest.raises(ConfigurationError, match=message):
        get_business(business_id, code)


@given(st.text(st.sampled_from("ab./\\\\;%2eE5cF?#\n é"), max_size=8), st.booleans())
def test_no_id_leads_elsewhere(text: str, by_code: bool) -> None:
    """Whatever is given is refused, or one part of a path below /business that no server folds or reads as another."""
    try:
        operation = get_business(None if by_code else text, text if by_code else None)
    except ConfigurationError:
        return
    path = operation.request.path
    assert path.isascii()
    assert path.isprintable()
    assert path.count("/") == 2
    assert path.startswith("/business/")
    assert not set("?#;\\ ") & set(path)
    for _ in range(4):
        assert not {".", ".."} & set(re.split(r"[/\\;]", path))
        path = unquote(path)


@each(
    ("business_id", "code", "body", "problem"),
    [
        ("a", None, {"id": "b"}, "expected id a @ $.id"),
        (None, "75", {"id": "b", "code": "76"}, "expected the code that was asked for @ $.code"),
        (None, "75", {"code": "75"}, "missing @ $.id"),
        ("a", None, {"id": "a", "groups": [1, "2"]}, "expected int @ $.groups[1]"),
        ("a", None, {"id": "a", "lat": "48"}, "expected float @ $.lat"),
    ],
)
def test_another_business_is_refused(business_id: Any, code: Any, body: Any, problem: str) -> None:
    """A response with another id or code, or with a value of a wrong type, is an error with its place."""
    operation = get_business(business_id, code)
    with pytest.raises(APIResponseValidationError) as caught:
        operation.read(Decoder(), json.dumps(body).encode(), operation.request)
    assert caught.value.problems == (problem,)


def test_a_code_may_come_in_another_case_or_not_at_all() -> None:
    """Whether the server compares codes in any case is not documented, nor that a business shows its code."""
    operation = get_business(None, "PARIS")
    for code in ("paris", None):
        found = operation.read(Decoder(strict=True), json.dumps({"id": "a", "code": code}).encode(), operation.request)
        assert found == Business("a", code=code)


def test_a_page_needs_its_list() -> None:
    """A page without businesses in it is an error, where an empty list is an empty page."""
    operation = search_businesses(page=1, per_page=100, status=("open",))
    empty = operation.read(Decoder(strict=True), b'{"businesses": []}', operation.request)
    assert empty == BusinessPage((), None, None, None)
    for body in (b'{"page": 1, "max_page": 1, "count": 0}', b'{"businesses": null}', b'{"items": []}'):
        with pytest.raises(APIResponseValidationError, match=r"@ \$\.businesses"):
            operation.read(Decoder(), body, operation.request)
