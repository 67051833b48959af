"""Well framed answers with the wrong content."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from partoo_async.emulator.faults import KINDS
from partoo_async.emulator.faults.exchange import Exchange
from partoo_async.emulator.faults.kinds import resolve_options
from tests.emulator.wire import GROUP, ask, emulated, hit, shows
from tests.support.each import each

NAME_ON = b'"name":"France","has_puller":false,"business_ids":["b1","b2"]}'


@shows("empty", "truncated_json", "bom", "json_null", "json_list")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("empty", b""),
        ("truncated_json", GROUP[:35]),
        ("bom", b"\xef\xbb\xbf" + GROUP),
        ("json_null", b"null"),
        ("json_list", b"[" + GROUP + b"]"),
    ],
)
async def test_other_bodies(kind, body) -> None:
    """A 200 with the length of what it holds."""
    received = await hit(kind)
    assert (received.status, received.body, received.header("Content-Length")) == (200, body, [str(len(body))])
    assert received.header("Content-Type") == ["application/json"]


@shows("html")
async def test_a_page_instead_of_json() -> None:
    """As of a login page, or of a proxy that has lost its way."""
    received = await hit("html")
    assert (received.status, received.header("Content-Type")) == (200, ["text/html"])
    assert received.body.startswith(b"<html>")


@shows("json_string")
async def test_json_in_json() -> None:
    """What comes out is a text, that of the object."""
    assert json.loads((await hit("json_string")).body) == GROUP.decode()


@shows("invalid_utf8", "lone_surrogate")
@pytest.mark.parametrize(("kind", "put_in"), [("invalid_utf8", b"\xff"), ("lone_surrogate", b"\\ud800")])
async def test_texts_that_are_none(kind, put_in) -> None:
    """In the first text that the answer has."""
    assert (await hit(kind)).body == GROUP.replace(b'"France"', b'"' + put_in + b'France"')


@shows("nan", "huge_integer", "wrong_type", "null_field", "missing_field")
@shows("duplicate_key", "extra_field", "id_mismatch")
@pytest.mark.parametrize(
    ("kind", "options", "body"),
    [
        ("nan", {}, b'{"id":NaN,' + NAME_ON),
        ("nan", {"value": "-Infinity"}, b'{"id":-Infinity,' + NAME_ON),
        ("nan", {"value": "1e999", "field": "has_puller"}, GROUP.replace(b"false", b"1e999")),
        ("huge_integer", {"digits": 30}, b'{"id":' + b"9" * 30 + b"," + NAME_ON),
        ("wrong_type", {}, b'{"id":"42",' + NAME_ON),
        ("wrong_type", {"field": "name"}, GROUP.replace(b'"France"', b"7")),
        ("wrong_type", {"field": "has_puller"}, GROUP.replace(b"false", b'"false"')),
        ("wrong_type", {"field": "business_ids"}, GROUP.replace(b'["b1","b2"]', b"{}")),
        ("null_field", {}, b'{"id":null,' + NAME_ON),
        ("null_field", {"field": "business_ids"}, GROUP.replace(b'["b1","b2"]', b"null")),
        ("missing_field", {}, b"{" + NAME_ON),
        ("missing_field", {"field": "business_ids"}, GROUP.replace(b',"business_ids":["b1","b2"]', b"")),
        ("duplicate_key", {}, GROUP[:-1] + b',"id":43}'),
        ("duplicate_key", {"field": "name"}, GROUP[:-1] + b',"name":"Franc0"}'),
        ("duplicate_key", {"field": "has_puller"}, GROUP[:-1] + b',"has_puller":true}'),
        ("duplicate_key", {"field": "business_ids"}, GROUP[:-1] + b',"business_ids":[]}'),
        ("extra_field", {}, GROUP[:-1] + b',"unexpected":{"new":[1,2.5,null]}}'),
        ("id_mismatch", {}, b'{"id":43,' + NAME_ON),
    ],
)
async def test_fields_that_do_not_fit(kind, options, body) -> None:
    """One field is wrong, the first or the one asked for, and every other byte is as it was."""
    assert (await hit(kind, **options)).body == body


@shows("deep_nesting")
async def test_lists_in_lists() -> None:
    """As deep as asked for, in a field of their own."""
    assert (await hit("deep_nesting", depth=3)).body == GROUP[:-1] + b',"nested":[[[]]]}'
    assert len((await hit("deep_nesting")).body) == 71 + len(b',"nested":') + 400_000


@pytest.mark.parametrize(("kind", "options"), [("invalid_utf8", {}), ("nan", {"field": "name"}), ("id_mismatch", {})])
async def test_what_cannot_be_spoiled_is_no_hit(kind, options) -> None:
    """A list of sections has no text, no name and no id of its own: it passes, and the fault waits for the next."""
    async with emulated() as emulator:
        fault = emulator.faults.add(kind, times=1, **options)
        assert (await ask(emulator, "GET", "/sections")).status == 200
        assert (fault.hits, emulator.requests[0].fault) == (0, None)
        assert not (await ask(emulator)).whole()
        assert fault.hits == 1


def _played(kind: str, body: bytes) -> bytes | None:
    """What becomes of the body of a made-up answer, None if it is left alone."""
    exchange = Exchange(make_mocked_request("GET", "/"), web.Response(body=body), "errors")
    answer = KINDS[kind].play(exchange, **resolve_options(KINDS[kind], {}))
    return None if answer is None else answer.body


@each(
    ("body", "expected"),
    [(b'{"a":null}', b'{"a":[]}'), (b'{"a":{}}', b'{"a":[]}'), (b'{"a":1.5}', b'{"a":"1.5"}'), (b"{}", None)],
)
def test_a_value_of_another_type(body, expected) -> None:
    """There is one for whatever JSON holds, of which not all is in a group."""
    assert _played("wrong_type", body) == expected


@each("kind", ["nan", "null_field", "extra_field", "deep_nesting", "id_mismatch", "invalid_utf8"])
@each("body", [b"", b"<html>", b"[1]", b"7"])
def test_an_answer_without_fields_is_left_alone(kind, body) -> None:
    """No JSON, or no object: no endpoint answers like that today, and a new one must not break here."""
    assert _played(kind, body) is None


async def test_the_answer_to_a_write_can_be_spoiled() -> None:
    """The write is done, and its answer names another id."""
    async with emulated() as emulator:
        emulator.faults.add("id_mismatch", match="DELETE")
        received = await ask(emulator, "DELETE", "/sections/7/groups/42")
        assert json.loads(received.body) == {"status": "success", "id": 43}
        assert not emulator.sections[7].groups
