"""What each operation sends and how it reads the answer; and that nothing bad gets as far as being sent."""

from __future__ import annotations

import enum
import json
import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partoo_async._protocol import operations
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.error_bodies import decode_error_body
from partoo_async._protocol.json import InvalidJSONError
from partoo_async.errors import APIResponseValidationError, ConfigurationError
from partoo_async.models import Group, GroupSummary, Section, SectionPage
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async._protocol.operations import Operation

KEY = "zq7Kp2mVx9Lr4Tn8"


LONG = 2**64 + 1


class Status(str, enum.Enum):  # noqa: UP042 - the kind that prints its name
    """A text with a name, which prints as its name."""

    OPEN = "open"


class Index:
    """An int of another library, such as numpy's."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Place(int, enum.Enum):
    """An int with a name, which prints as its name."""

    SEVEN = 7


def custom(method: object = "GET", path: object = "/x", **changes: Any) -> Operation[Any]:
    return operations.custom(method, path, **{"params": None, "json": None, "idempotent": None, **changes})


def listed(**changes: Any) -> Operation[SectionPage]:
    return operations.list_sections(**{"page": 1, "org_id": None, "group_name_query": None, **changes})


def sent(operation: Operation[Any]) -> tuple[str, str, Any]:
    request = operation.request
    return request.method, request.path, None if request.body is None else json.loads(request.body)


def read(operation: Operation[Any], body: bytes) -> Any:
    return operation.read(Decoder(), body, operation.request)


@each(
    ("operation", "method", "path", "body", "idempotent"),
    [
        pytest.param(operations.get_group(7, 42), "GET", "/sections/7/groups/42", None, True, id="get_group"),
        pytest.param(
            operations.create_group(7, name="France", business_ids=["a", "b"]),
            "POST",
            "/sections/7/groups",
            {"name": "France", "business__in": ["a", "b"]},
            False,
            id="create_group",
        ),
        pytest.param(
            operations.create_group(7, name="France", business_ids=[]),
            "POST",
            "/sections/7/groups",
            {"name": "France", "business__in": []},
            False,
            id="create_group: an empty list is sent, since leaving it out would take every business",
        ),
        pytest.param(
            operations.update_group(7, 42, name="France", business_ids=("a",)),
            "POST",
            "/sections/7/groups/42",
            {"name": "France", "business__in": ["a"]},
            False,
            id="update_group",
        ),
        pytest.param(operations.delete_group(7, 42), "DELETE", "/sections/7/groups/42", None, False, id="delete_group"),
        pytest.param(operations.get_section(7), "GET", "/sections/7", None, True, id="get_section"),
        pytest.param(listed(), "GET", "/sections?page=1", None, True, id="list_sections"),
        pytest.param(
            listed(page=2, org_id=5, group_name_query="Île & Co/x"),
            "GET",
            "/sections?page=2&org_id=5&group_name_query=%C3%8Ele%20%26%20Co%2Fx",
            None,
            True,
            id="list_sections with everything",
        ),
        pytest.param(
            operations.create_section(name="Country", org_id=None),
            "POST",
            "/sections",
            {"name": "Country"},
            False,
            id="create_section",
        ),
        pytest.param(
            operations.create_section(name="Country", org_id="5"),
            "POST",
            "/sections",
            {"name": "Country", "org_id": 5},
            False,
            id="create_section for an organization",
        ),
        pytest.param(
            operations.update_section(7, name="Country"),
            "POST",
            "/sections/7",
            {"name": "Country"},
            False,
            id="update_section",
        ),
        pytest.param(operations.delete_section(7), "DELETE", "/sections/7", None, False, id="delete_section"),
        pytest.param(custom("GET", "/orgs"), "GET", "/orgs", None, True, id="custom GET"),
        pytest.param(custom("post", "/orgs", json={"a": 1}), "POST", "/orgs", {"a": 1}, False, id="custom POST"),
        pytest.param(
            custom("PUT", "/orgs/1", json=[]), "PUT", "/orgs/1", [], False, id="custom PUT is not assumed safe"
        ),
        pytest.param(
            custom("DELETE", "/orgs/1", idempotent=True),
            "DELETE",
            "/orgs/1",
            None,
            True,
            id="custom, said to be idempotent",
        ),
        pytest.param(
            custom("GET", "/orgs/1", idempotent=False), "GET", "/orgs/1", None, False, id="custom, said not to be"
        ),
    ],
)
def test_requests(operation: Operation[Any], method: str, path: str, body: Any, idempotent: bool) -> None:
    """Method, path and body are those of the API's documentation; only reads are idempotent unless told."""
    assert sent(operation) == (method, path, body)
    assert operation.idempotent is idempotent


@each(
    ("value", "shown"),
    [
        pytest.param(0, "0", id="0"),
        pytest.param(7, "7", id="int"),
        pytest.param("7", "7", id="digits"),
        pytest.param("007", "7", id="leading zeros"),
        pytest.param(2**63 - 1, "9223372036854775807", id="largest"),
        pytest.param("9223372036854775807", "9223372036854775807", id="largest, as digits"),
        pytest.param(Place.SEVEN, "7", id="an enum goes by its number, not by its name"),
        pytest.param(Index(7), "7", id="an int of another library"),
    ],
)
def test_accepted_ids(value: object, shown: str) -> None:
    """An id is an int or a string of digits, and its path is plain digits."""
    assert operations.get_group(value, value).request.path == f"/sections/{shown}/groups/{shown}"


@each(
    ("name", "make"),
    [
        pytest.param("section_id", lambda value: operations.get_group(value, 42), id="get_group section"),
        pytest.param("group_id", lambda value: operations.get_group(7, value), id="get_group group"),
        pytest.param(
            "section_id", lambda value: operations.create_group(value, name="a", business_ids=[]), id="create_group"
        ),
        pytest.param(
            "group_id", lambda value: operations.update_group(7, value, name="a", business_ids=[]), id="update_group"
        ),
        pytest.param("group_id", lambda value: operations.delete_group(7, value), id="delete_group"),
        pytest.param("section_id", operations.get_section, id="get_section"),
        pytest.param("section_id", lambda value: operations.update_section(value, name="a"), id="update_section"),
        pytest.param("section_id", operations.delete_section, id="delete_section"),
        pytest.param(
            "section_id",
            lambda value: operations.update_group(value, 42, name="a", business_ids=[]),
            id="update_group section",
        ),
        pytest.param("section_id", lambda value: operations.delete_group(value, 42), id="delete_group section"),
        pytest.param("org_id", lambda value: listed(org_id=value), id="list_sections"),
        pytest.param("org_id", lambda value: operations.create_section(name="a", org_id=value), id="create_section"),
    ],
)
def test_every_id_is_checked(name: str, make: Callable[[object], Operation[Any]]) -> None:
    """What is no id never becomes part of a path; the error names the argument."""
    for value in (-1, "7/../9", True):
        with pytest.raises(ConfigurationError, match=rf"^{name}: "):
            make(value)


@given(st.text() | st.from_regex(r"[0-9./%;?# \\-]{0,12}", fullmatch=True))
def test_no_text_leaves_its_place_in_the_path(value: str) -> None:
    """Whatever text is given as an id: a path of plain digits, or an error."""
    try:
        path = operations.get_group(7, value).request.path
    except ConfigurationError as error:
        refusal = str(error)
    else:
        assert re.fullmatch(r"/sections/7/groups/[0-9]+", path, re.ASCII)
        refusal = "group_id: "
    assert refusal.startswith("group_id: ")


def test_a_key_in_the_wrong_place_is_not_echoed() -> None:
    """Arguments get mixed up: no refusal repeats a text that was passed."""
    calls: list[Callable[[], object]] = [
        lambda: operations.get_group(KEY, 1),
        lambda: operations.create_section(name=KEY + "/", org_id=None),
        lambda: operations.create_group(1, name="a", business_ids=KEY),
        lambda: listed(page=KEY),
        lambda: custom(KEY, "/x"),
        lambda: custom("GET", KEY + "?"),
        lambda: custom("GET", "/../" + KEY),
        lambda: custom("GET", params=KEY),
        lambda: custom("GET", params={"a": {KEY: KEY}}),
        lambda: custom("POST", json={"a": {KEY}}),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert KEY not in str(caught.value)


WRITES_WITH_A_NAME = [
    pytest.param(lambda name: operations.create_group(7, name=name, business_ids=[]), id="create_group"),
    pytest.param(lambda name: operations.update_group(7, 42, name=name, business_ids=[]), id="update_group"),
    pytest.param(lambda name: operations.create_section(name=name, org_id=None), id="create_section"),
    pytest.param(lambda name: operations.update_section(7, name=name), id="update_section"),
]


@each("make", WRITES_WITH_A_NAME)
def test_every_name_is_checked(make: Callable[[object], Operation[Any]]) -> None:
    """A name that the API forbids is refused by the argument's name."""
    with pytest.raises(ConfigurationError, match=r"^name: "):
        make("a,b")


@each("make", WRITES_WITH_A_NAME)
@each("name", ["France", "Île-de-France", "日本", "a.b:c|d\\e", '"quoted"', " a ", "0", "x" * 500])
def test_accepted_names(make: Callable[[object], Operation[Any]], name: str) -> None:
    """Every other name is sent as it is: what else the API refuses is not known."""
    assert sent(make(name))[2]["name"] == name


WRITES_WITH_IDS = [
    pytest.param(lambda ids: operations.create_group(7, name="a", business_ids=ids), id="create_group"),
    pytest.param(lambda ids: operations.update_group(7, 42, name="a", business_ids=ids), id="update_group"),
]


@each("make", WRITES_WITH_IDS)
def test_all_business_ids_are_checked(make: Callable[[object], Operation[Any]]) -> None:
    """One id instead of a list of them is refused."""
    with pytest.raises(ConfigurationError, match=r"^business_ids: "):
        make("5409c35a97bbc544d8e26737")


@each("make", WRITES_WITH_IDS)
@each(
    "iterable",
    [
        pytest.param(list, id="list"),
        pytest.param(tuple, id="tuple"),
        pytest.param(iter, id="iterator"),
        pytest.param(dict.fromkeys, id="dict"),
    ],
)
def test_accepted_business_ids(make: Callable[[object], Operation[Any]], iterable: Callable[[Any], object]) -> None:
    """Any iterable will do, and its order is kept."""
    assert sent(make(iterable(["b", "a"])))[2]["business__in"] == ["b", "a"]


@each(
    "page",
    [
        *(pytest.param(page, id=repr(page)) for page in (0, -1, True, 1.0, "1", None)),
        pytest.param(-(10**5000), id="5,000 digits below zero"),
    ],
)
def test_refused_pages(page: object) -> None:
    """Pages are ints that count from 1; the error names the argument."""
    with pytest.raises(ConfigurationError, match=r"^page: "):
        listed(page=page)


@each("query", [7, True, b"a", ["a"], "\ud800"])
def test_refused_queries(query: object) -> None:
    """The filter is a text that can be sent."""
    with pytest.raises(ConfigurationError, match=r"^group_name_query: "):
        listed(group_name_query=query)


SECTION = (
    b'{"id": 7, "name": "Country", "groups": [{"id": 1, "name": "a", "has_puller": false}],'
    b' "can_edit": true, "has_puller": false}'
)
GROUP = b'{"id": 42, "name": "France", "has_puller": false, "business_ids": ["a"]}'


@each(
    ("operation", "body", "value"),
    [
        pytest.param(operations.get_group(7, 42), GROUP, Group(42, "France", False, ("a",)), id="get_group"),
        pytest.param(
            operations.get_group(7, "42"), GROUP, Group(42, "France", False, ("a",)), id="get_group by digits"
        ),
        pytest.param(
            operations.get_section("7"),
            SECTION,
            Section(7, "Country", (GroupSummary(1, "a", False),), True, False),
            id="get_section",
        ),
        pytest.param(listed(), b'{"sections": []}', SectionPage(()), id="list_sections"),
        pytest.param(
            operations.create_group(7, name="a", business_ids=[]),
            b'{"status": "success", "id": 43}',
            43,
            id="create_group",
        ),
        pytest.param(operations.create_section(name="a", org_id=None), b'{"id": 0}', 0, id="create_section"),
        pytest.param(
            operations.update_group(7, 42, name="a", business_ids=[]),
            b'{"status": "success", "id": 42}',
            42,
            id="update_group",
        ),
        *(
            pytest.param(
                operations.update_group(7, 42, name="a", business_ids=[]), body, 42, id=f"update_group answers {body!r}"
            )
            for body in (
                b"",
                b"<html>",
                b"[]",
                b'{"status": "success"}',
                b'{"id": "42"}',
                b'{"id": null}',
                b'{"id": true}',
            )
        ),
        *(
            pytest.param(operation, body, None, id=f"{operation.request.route} answers {body!r}")
            for operation in (
                operations.delete_group(7, 42),
                operations.delete_section(7),
                operations.update_section(7, name="a"),
            )
            for body in (b"", b'{"status": "success"}', b"<html>", b"null")
        ),
        pytest.param(custom("GET"), b'{"a": [1, null]}', {"a": [1, None]}, id="custom GET"),
        pytest.param(custom("GET"), b"null", None, id="custom GET of null"),
        pytest.param(custom("POST"), b"", None, id="custom POST with an empty answer"),
        pytest.param(custom("DELETE"), b" \n", None, id="custom DELETE with a blank answer"),
        pytest.param(custom("POST"), b'{"id": 1}', {"id": 1}, id="custom POST"),
        pytest.param(custom("POST"), b"done", "done", id="custom POST with a text"),
        pytest.param(custom("GET"), b"[%d, %d, 0.1]" % (LONG, -LONG), [LONG, -LONG, 0.1], id="more than 64 bits"),
        pytest.param(custom("POST"), b'{"id": %d}' % LONG, {"id": LONG}, id="more than 64 bits after a POST"),
        pytest.param(custom("GET"), b'["%d"]' % LONG, [str(LONG)], id="more than 64 bits in a text"),
    ],
)
def test_answers(operation: Operation[Any], body: bytes, value: object) -> None:
    """Answers become models and ids; a write that was accepted does not fail over a body that nobody needs."""
    assert read(operation, body) == value


@each("body", [b"", b"<html>", b"[]", b"{}", b'{"id": "43"}', b'{"id": true}', b'{"id": -1}', b'{"id": 1.0}'])
@each(
    "operation",
    [
        pytest.param(operations.create_group(7, name="a", business_ids=[]), id="create_group"),
        pytest.param(operations.create_section(name="a", org_id=None), id="create_section"),
    ],
)
def test_a_create_without_an_id_says_that_it_was_done(operation: Operation[int], body: bytes) -> None:
    """Without the new id there is nothing to return, but the caller must know that the thing was made."""
    with pytest.raises(APIResponseValidationError, match=r"the write was accepted.* expected int @ \$\.id") as caught:
        read(operation, body)
    assert caught.value.transient is False


@each(
    ("operation", "body"),
    [
        pytest.param(operations.get_group(7, 43), GROUP, id="group"),
        pytest.param(operations.get_section(8), SECTION, id="section"),
    ],
)
def test_an_answer_about_something_else(operation: Operation[Any], body: bytes) -> None:
    """An answer with another id is never taken for the one asked for; asking again may help."""
    with pytest.raises(APIResponseValidationError, match=r"expected id \d+ @ \$\.id") as caught:
        read(operation, body)
    assert caught.value.transient is True


def test_numbers_are_exact_or_refused() -> None:
    """An int of more than 64 bits never comes back as another number, in an answer, an error, or a body to be sent."""
    assert decode_error_body(400, b"[%d]" % LONG) == ([LONG], [LONG])
    with pytest.raises(ConfigurationError, match="^json: "):
        custom("POST", json={"id": LONG})
    try:
        value = read(custom("GET"), b"[" * 1000 + b"%d" % LONG + b"]" * 1000)
    except InvalidJSONError as error:
        assert "64 bits" in str(error)  # noqa: PT017 - Python 3.11 reads no deeper, later ones do
    else:
        while isinstance(value, list):
            (value,) = value
        assert value == LONG


@pytest.mark.parametrize("body", [b'{"id": 4', b'[{"id": 4}', b" {"])
def test_a_write_whose_answer_is_half_the_json_says_that_it_was_done(body: bytes) -> None:
    """What came is not what the server said, and asking again would do it twice."""
    with pytest.raises(APIResponseValidationError, match="the write was accepted") as caught:
        read(custom("POST", idempotent=True), body)
    assert (caught.value.status, caught.value.transient) == (200, False)


def test_an_enum_of_strings_is_sent_as_its_value() -> None:
    """Wherever a text is given: its name in the program is nobody's affair."""
    assert listed(group_name_query=Status.OPEN).request.path == "/sections?page=1&group_name_query=open"
    assert sent(operations.create_group(7, name=Status.OPEN, business_ids=[Status.OPEN])) == (
        "POST",
        "/sections/7/groups",
        {"name": "open", "business__in": ["open"]},
    )
    assert custom("GET", Status.OPEN).request.path == "/open"


def test_pages_are_ints_of_any_library() -> None:
    """And reach the server as digits."""
    assert listed(page=Index(2), org_id=Index(3)).request.path == "/sections?page=2&org_id=3"


@each("body", [b"", b" ", b"<html>", b'{"a":'])
def test_a_read_needs_a_body(body: bytes) -> None:
    """An empty or cut answer to a GET is not None as data."""
    for operation in (operations.get_group(7, 42), operations.get_section(7), listed(), custom("GET")):
        with pytest.raises(InvalidJSONError):
            read(operation, body)


@each(
    ("path", "encoded"),
    [
        pytest.param("/", "/", id="root"),
        pytest.param("/orgs", "/orgs", id="plain"),
        pytest.param("business/search", "/business/search", id="no slash in front"),
        pytest.param("orgs", "/orgs", id="one part"),
        pytest.param("%C3%8Ele", "/%C3%8Ele", id="no slash in front, escaped already"),
        pytest.param("/orgs/", "/orgs/", id="slash at the end"),
        pytest.param("/a b", "/a%20b", id="space"),
        pytest.param("/Île", "/%C3%8Ele", id="accent"),
        pytest.param("/a%20b", "/a%20b", id="escaped already"),
        pytest.param("/a%2Fb", "/a%2Fb", id="escaped slash stays escaped"),
        pytest.param("/100%", "/100%25", id="percent sign that escapes nothing"),
        pytest.param("/a%zz", "/a%25zz", id="percent sign before no hexadecimal digits"),
        pytest.param('/a"<>^`{|}', "/a%22%3C%3E%5E%60%7B%7C%7D", id="characters that no URL holds"),
        pytest.param("/a:@!$&'()*+,;=-._~", "/a:@!$&'()*+,;=-._~", id="characters that a path may hold"),
        pytest.param("/a.b/...", "/a.b/...", id="dots that lead nowhere"),
        pytest.param("/.well-known/..x/x..", "/.well-known/..x/x..", id="dots in names"),
    ],
)
def test_custom_paths(path: str, encoded: str) -> None:
    """A path goes out escaped once, whether or not the caller has escaped it."""
    assert custom("GET", path).request.path == encoded


@each(
    "path",
    [
        *(pytest.param(path, id=ascii(path)) for path in ("", " /orgs", "https://evil.example/", "?a=1", "..")),
        *(pytest.param(path, id=ascii(path)) for path in ("orgs/..", "orgs?a=1", "%2e%2e/orgs", "#a", "@evil.example")),
        *(pytest.param(path, id=ascii(path)) for path in ("//evil.example", "//", "///orgs", "//evil.example/v2/orgs")),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/orgs?a=1", "/orgs?", "/orgs#a", "/orgs#", "/a\\b", "\\\\evil.example")
        ),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/a\nb", "/a\r\nX-Evil: 1", "/a\x00", "/a\x7f", "/a\tb", "/\u2028", "/\ud800")
        ),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/..", "/.", "/../", "/./a", "/a/..", "/a/../b", "/a/./b", "/a/.")
        ),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/%2e%2e", "/%2E%2e/", "/.%2e", "/%2e.", "/%2e", "/a/%2E%2E/b")
        ),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/%2e%2e%2fb", "/a%2f..%2fb", "/a%2F%2E%2E", "/a%5c..%5cb", "/..%5c")
        ),
        *(
            pytest.param(path, id=ascii(path))
            for path in ("/%252e%252e", "/a%252f%252e%252e", "/%25252e%25252e/b", "/%%32e%%32e/b")
        ),
        *(pytest.param(path, id=ascii(path)) for path in (None, 7, b"/orgs", ["/orgs"])),
    ],
)
def test_refused_custom_paths(path: object) -> None:
    """No path leads off the server's base URL, in any escaping; the error names the argument."""
    with pytest.raises(ConfigurationError, match=r"^path: "):
        custom("GET", path)


def unescaped(path: str) -> str:
    """What the most obliging server would make of a path: unescaped until nothing changes."""
    while (plain := unquote(path)) != path:
        path = plain
    return path


pieces = st.sampled_from(
    ["/", ".", "..", "%", "25", "2e", "2E", "2f", "2F", "5c", "5C", "\\", ";", "a", "é", " ", "?", "#", "%2e", "%25"]
)


@given(st.lists(pieces, max_size=12).map("".join).map("/".__add__) | st.text().map("/".__add__))
@example("/%252e%252e/x")
@example("/a%25252f%2e%252e")
def test_no_path_leaves_the_base(path: str) -> None:
    """Whatever the input: a refusal, or an ASCII path with no '..' in it however often it is unescaped."""
    try:
        request = custom("GET", path).request
    except ConfigurationError:
        return
    assert re.fullmatch(r"/(?!/)(?:[A-Za-z0-9/:@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})*|/", request.path, re.ASCII)
    assert not {".", ".."} & set(re.split(r"[/\\]", unescaped(request.path)))


@each(
    ("params", "query"),
    [
        pytest.param(None, "", id="none"),
        pytest.param({}, "", id="empty"),
        pytest.param({"page": 1}, "?page=1", id="int"),
        pytest.param({"q": "a b&c=d/e?f#g+h%"}, "?q=a%20b%26c%3Dd%2Fe%3Ff%23g%2Bh%25", id="every special character"),
        pytest.param({"q": "Île"}, "?q=%C3%8Ele", id="accent"),
        pytest.param({"a": True, "b": False}, "?a=true&b=false", id="flags in lower case"),
        pytest.param({"a": None, "b": 1}, "?b=1", id="None is left out"),
        pytest.param({"a": None}, "", id="only None"),
        pytest.param({"a": ""}, "?a=", id="empty text is not left out"),
        pytest.param({"business__in": ["a", "b"]}, "?business__in=a,b", id="list"),
        pytest.param({"groups": (1, 2)}, "?groups=1,2", id="tuple"),
        pytest.param({"a": []}, "?a=", id="empty list"),
        pytest.param({"a": 1.5}, "?a=1.5", id="float"),
        pytest.param({"b": 1, "a": 2}, "?b=1&a=2", id="the caller's order"),
        pytest.param({"a&b": 1}, "?a%26b=1", id="escaped name"),
        pytest.param(MappingProxyType({"a": 1}), "?a=1", id="any mapping"),
        pytest.param({"a": Place.SEVEN}, "?a=7", id="an enum goes by its number, not by its name"),
        pytest.param({"a": Status.OPEN}, "?a=open", id="an enum of strings goes by its value"),
        pytest.param({"a": [Status.OPEN, "x"]}, "?a=open,x", id="in a list, too"),
        pytest.param({Status.OPEN: 1}, "?open=1", id="and as a name"),
        pytest.param({"a": Index(7), "b": [Index(8)]}, "?a=7&b=8", id="ints of other libraries"),
    ],
)
def test_params(params: Any, query: str) -> None:
    """Parameters are escaped so that no value becomes a part of the URL's structure."""
    assert custom("GET", "/x", params=params).request.path == "/x" + query


@each(
    "params",
    [
        pytest.param("a=1", id="text"),
        pytest.param([("a", 1)], id="pairs"),
        pytest.param(7, id="int"),
        pytest.param({"a": {"b": 1}}, id="dict in a value"),
        pytest.param({"a": b"b"}, id="bytes"),
        pytest.param({"a": object()}, id="object"),
        pytest.param({"a": [None]}, id="None in a list"),
        pytest.param({"a": "\ud800"}, id="lone surrogate"),
        pytest.param({"\ud800": "a"}, id="lone surrogate in a name"),
        pytest.param({"a": 10**5000}, id="more digits than Python prints"),
    ],
)
def test_refused_params(params: object) -> None:
    """What has no clear form in a query is refused by name."""
    with pytest.raises(ConfigurationError, match=r"^params: "):
        custom("GET", "/x", params=params)


@each(
    "method",
    ["", "HEAD", "OPTIONS", "CONNECT", "TRACE", "GET ", "GET\r\nX: 1", None, 7, b"GET", ["GET"]],
)
def test_refused_methods(method: object) -> None:
    """Only the methods of the API are sent."""
    with pytest.raises(ConfigurationError, match=r"^method: "):
        custom(method)


@each(
    "value",
    [
        pytest.param(object(), id="object"),
        pytest.param({"a": {1}}, id="set"),
        pytest.param({1: "a"}, id="key that is no text"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"a": math.nan}, id="nan, which must not become null"),
        pytest.param([math.inf], id="inf, which must not become null"),
    ],
)
def test_refused_json(value: object) -> None:
    """A body that JSON cannot express is refused by name."""
    with pytest.raises(ConfigurationError, match=r"^json: "):
        custom("POST", json=value)
