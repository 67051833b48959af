"""Decoders of what comes from outside, fed with anything: a value or one of our errors, never anything else."""

from __future__ import annotations

import datetime as dt
import math
import pickle
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import attrs
import orjson
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from partoo_async import APIResponseValidationError, Business, BusinessPage, ConfigurationError, Group
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.error_bodies import decode_error_body, describe_errors
from partoo_async._protocol.http import Request
from partoo_async._protocol.json import InvalidJSONError
from partoo_async._protocol.operations import custom, delete_group, get_group, get_section, list_sections
from partoo_async._protocol.retry_after import parse_retry_after
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError, read_body

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BASE = "https://api.partoo.co/v2"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(["id", "name", "has_puller", "business_ids", "groups", "x"])
MOMENTS = st.datetimes(timezones=st.just(dt.UTC)).map(lambda moment: format_datetime(moment, usegmt=True))
HEADERS = st.text() | st.binary().map(lambda data: data.decode("latin-1")) | MOMENTS | st.integers().map(str)
NASTY = st.text(alphabet="./%;?#\\@:25eEfF2Ff5Cc0aA\x00\r\n ab\u2024\uff0e\uff0f", max_size=24)


def orjson_or_empty(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return b""  # a number that is too long, half a surrogate: not what orjson writes


@given(HEADERS, HEADERS | st.none(), st.booleans())
@example("\u0663", None, True)
@example("1" * 64, None, True)
@example("Mon, 01 Jan 0000 00:00:00 GMT", "Mon, 01 Jan 9999 00:00:00 +9999", True)
def test_retry_after(value: str, date: str | None, clock: bool) -> None:
    """Any header is a finite number of seconds that is not negative, or None."""
    seconds = parse_retry_after(value, date, now=NOW if clock else None)
    assert seconds is None or (type(seconds) is float and 0 <= seconds < math.inf)


@given(st.floats(min_value=0, max_value=1e15).map(lambda number: f"{number:f}"))
def test_retry_after_in_seconds(text: str) -> None:
    """Digits with an optional fraction mean what they say."""
    assert parse_retry_after(text) == float(text)


@given(st.integers(0, 10**6), st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2100, 1, 1)))
def test_retry_after_as_a_date(seconds: int, moment: dt.datetime) -> None:
    """A date is so many seconds after the answer's own, whatever the local clock says."""
    moment = moment.replace(microsecond=0, tzinfo=dt.UTC)
    later = format_datetime(moment + dt.timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(later, format_datetime(moment, usegmt=True), now=NOW) == seconds


@given(st.sampled_from([400, 401, 403, 404, 429, 500]), st.binary() | JSON.map(orjson_or_empty))
def test_error_bodies(status: int, body: bytes) -> None:
    """Any body of an error is read as far as it goes, and described in one printable line of at most 300 letters."""
    value, raw = decode_error_body(status, body)
    text = describe_errors(raw)
    assert len(text) <= 300
    assert text.isprintable()
    assert not isinstance(value, str) or len(value) <= 2000


@given(st.binary() | (JSON | st.dictionaries(FIELDS, JSON)).map(orjson_or_empty), st.booleans())
@example(b"1" * 5000, False)
@example(b"[" * 5000, True)
def test_groups(body: bytes, strict: bool) -> None:
    """Any body is a whole group, or an error of ours that names the problems."""
    problems: tuple[str, ...] = ()
    try:
        group = Decoder(strict=strict).decode(body, Group, Request("GET", "/x"))
    except InvalidJSONError:
        return
    except APIResponseValidationError as error:
        problems = error.problems
    if problems:
        assert len(problems) <= 20
        return
    assert type(group.id) is int
    assert 0 <= group.id < 2**63
    assert type(group.name) is str
    assert type(group.has_puller) is bool
    assert all(type(business_id) is str for business_id in group.business_ids)


SHOP = st.sampled_from(["id", "name", "code", "status", "groups", "lat", "created", "org_id", "extra", "x"])
SHOPS = JSON | st.dictionaries(SHOP, JSON | st.lists(st.integers()), max_size=10)
LISTS = st.fixed_dictionaries({"businesses": st.lists(SHOPS, max_size=3) | JSON}, optional={"count": JSON})
DEEP = b"[" * 150 + b"]" * 150


@given(st.binary() | SHOPS.map(orjson_or_empty), st.binary() | (JSON | LISTS).map(orjson_or_empty), st.booleans())
@example(b'{"id":"a","extra":{"id":1},"groups":[1,18446744073709551615]}', b'{"businesses":null}', False)
@example(b'{"id":"a","x":%b}' % DEEP, b'{"businesses":[{"id":"a","x":%b}]}' % DEEP, False)
def test_businesses(body: bytes, page: bytes, strict: bool) -> None:
    """Any body is whole businesses, each with all that was sent of it, or an error of ours."""
    for data, model in ((body, Business), (page, BusinessPage)):
        try:
            value: Any = Decoder(strict=strict).decode(data, model, Request("GET", "/x"))
        except (InvalidJSONError, APIResponseValidationError):
            continue
        sent = orjson.loads(data)
        found = [value] if model is Business else value.businesses
        objects = [sent] if model is Business else sent["businesses"]
        for shop, source in zip(found, objects, strict=True):
            assert (type(shop.id), shop.id) == (str, source["id"])
            assert all(type(number) is int for number in shop.groups)
            assert [*shop.groups] == (source.get("groups") or [])
            known = {field.name for field in attrs.fields(Business)} - {"extra"}
            assert {*shop.extra} == {*source} - known
            assert pickle.loads(pickle.dumps(shop)) == shop


class Pieces:
    """A body in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def is_eof(self) -> bool:
        return True

    def at_eof(self) -> bool:
        return not self.pieces

    def read_nowait(self) -> bytes:
        data, self.pieces = b"".join(self.pieces), []
        return data

    async def readany(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def iter_any(self) -> Any:
        while self.pieces:
            yield self.pieces.pop(0)


def run(coroutine: Any) -> Any:
    """Run a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(["", "gzip", "X-GZIP", "br", " identity "]))
def test_bodies(pieces: list[bytes], encoding: str) -> None:
    """Whatever comes in whichever pieces is the whole body, or unreadable."""
    try:
        body = run(read_body(Pieces(pieces), encoding, None))
    except (UnreadableError, TooLargeError):
        return
    assert len(body) <= MAX_BODY
    if encoding.strip() in ("", "identity"):
        assert body == b"".join(pieces)


def lands(request: Request) -> str:
    """Where a request goes in the eyes of a server that unescapes as often as it can, and folds."""
    url = URL(BASE + request.path, encoded=True)
    assert (url.scheme, url.host, url.port, url.fragment) == ("https", "api.partoo.co", 443, "")
    return url.path


@given(st.integers() | st.text() | NASTY | st.booleans() | st.none() | st.floats())
@example("7/groups/8")
@example("..")
@example("7?x=1")
@example("\u0667")
def test_ids_name_one_route(value: object) -> None:
    """An id is digits in the path, or nothing is sent: none leads to another route."""
    for build, route in (
        (lambda: get_group(value, 42), "/v2/sections/{}/groups/42"),
        (lambda: delete_group(7, value), "/v2/sections/7/groups/{}"),
        (lambda: get_section(value), "/v2/sections/{}"),
    ):
        try:
            path = lands(build().request)
        except ConfigurationError:
            continue
        number = int(value)  # type: ignore[call-overload]
        assert path == route.format(number)


@given(st.text() | NASTY)
@example("/a/..;/b")
@example("//elsewhere.example/a")
@example("/a/%252e%252e/b")
@example("/a\\..\\b")
@example("/\u2024\u2024/a")
def test_paths_stay_below_the_base(path: str) -> None:
    """No path leaves the base URL, in whatever way it is unescaped, or carries a query, a fragment or another host."""
    try:
        request = custom("GET", path, params=None, json=None, idempotent=None).request
    except ConfigurationError:
        return
    assert "?" not in request.path
    assert "#" not in request.path
    assert request.path.isascii()
    seen = lands(request)
    for _ in range(5):
        assert seen.startswith("/v2/")
        depth = 0
        for segment in seen.removeprefix("/v2").replace("\\", "/").split("/")[1:]:
            depth += -1 if segment.partition(";")[0] == ".." else 1
            assert depth >= 0
        seen = unquote(seen)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.lists(st.text()) | st.none()))
def test_parameters_stay_parameters(params: dict[str, Any]) -> None:
    """Whatever is in the parameters comes out of the query again, and nothing else does."""
    try:
        request = custom("GET", "/x", params=params, json=None, idempotent=None).request
    except ConfigurationError:
        return
    url = URL(BASE + request.path, encoded=True)
    assert url.path == "/v2/x"
    assert set(url.query) == {name for name, value in params.items() if value is not None}


@given(st.text())
def test_a_query_for_names(text: str) -> None:
    """The text to search for arrives as it was given."""
    try:
        request = list_sections(page=1, org_id=None, group_name_query=text).request
    except ConfigurationError:
        return
    assert URL(BASE + request.path, encoded=True).query["group_name_query"] == text
