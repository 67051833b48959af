"""Which response headers users see: an allowlist on errors, all but cookies in a raw response."""

from __future__ import annotations

import pickle

import pytest
from multidict import CIMultiDict

from partoo_async import APIStatusError, NotFoundError, PartooClient, RateLimitError
from partoo_async._explain.headers import Headers
from partoo_async._protocol.headers import all_headers, telling_headers
from partoo_async.testing import MockResponse, MockTransport
from tests.support.each import each
from tests.support.raw_server import answer, raw_server

TOLD = (
    "date retry-after x-request-id request-id x-amzn-trace-id x-correlation-id cf-ray server via content-type"
    " www-authenticate ratelimit ratelimit-limit ratelimit-policy x-ratelimit-remaining x-ratelimit-reset deprecation"
    " sunset age allow traceparent x-cache"
)
UNTOLD = "set-cookie set-cookie2 x-apikey authorization location content-length etag x-user x-ratelimit_ x-request-ids"


@each("name", TOLD.split())
def test_what_helps_is_told(name: str) -> None:
    """Ids of the request, who answered and when, and limits: by lower-case names, whatever the server wrote."""
    assert dict(telling_headers({name.title(): " a \r\n"})) == {name: "a"}


@each("name", UNTOLD.split())
def test_all_else_is_not(name: str) -> None:
    """No cookie, no address, nothing that may be personal."""
    assert dict(telling_headers({name.title(): "a"})) == {}


def test_lines_of_one_name_are_joined_and_cut() -> None:
    """As HTTP allows; a value is at most 300 characters, and printable."""
    headers = CIMultiDict([("Via", "1.1 a"), ("via", "1.1 b\x1b[31m"), ("Server", "x" * 400)])
    assert dict(telling_headers(headers)) == {"via": "1.1 a, 1.1 b [31m", "server": "x" * 300}


def test_a_raw_response_has_all_but_cookies() -> None:
    """Also those that no list knows."""
    headers = CIMultiDict([("X-Any", "1"), ("X-Any", "2"), ("Set-Cookie", "a"), ("ETag", '"e"')])
    assert dict(all_headers(headers)) == {"x-any": "1, 2", "etag": '"e"'}


def test_headers_are_read_only_values() -> None:
    """A mapping that is found in any case, equals a dict, and pickles."""
    headers = Headers([("Date", "now"), ("Via", "a")])
    assert (headers["date"], headers["DATE"], headers.get("x"), len(headers)) == ("now", "now", None, 2)
    assert headers == {"date": "now", "via": "a"}
    assert hash(headers) == hash(Headers([("via", "a"), ("date", "now")]))
    assert pickle.loads(pickle.dumps(headers)) == headers
    assert repr(headers) == "Headers({'date': 'now', 'via': 'a'})"
    with pytest.raises(TypeError):
        headers["date"] = "then"  # type: ignore[index]
    with pytest.raises(KeyError):
        headers[3]  # type: ignore[index]


async def test_an_error_has_the_telling_headers() -> None:
    """``error.headers`` of every status error; one that was made by hand has none."""
    response = MockResponse(429, headers={"Retry-After": "3600", "X-Request-Id": "r-1", "Set-Cookie": "s"})
    async with PartooClient("key", transport=MockTransport(lambda _: response)) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.groups.get(7, 42)
    assert caught.value.headers == {"retry-after": "3600", "x-request-id": "r-1"}
    assert pickle.loads(pickle.dumps(caught.value)).headers == caught.value.headers
    assert APIStatusError(418).headers == {}


async def test_no_header_echoes_the_key() -> None:
    """A server that quotes the request in a header does not get the key into an error."""
    key = "sk-very-secret-0123456789"
    response = answer(404, b"", f"X-Request-Id: for {key}", f"Server: {key.replace('-', '%2D')}")
    async with raw_server(response) as server, PartooClient(key, server=server.url) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.groups.get(7, 42)
    assert caught.value.headers["x-request-id"] == "for ***"
    assert caught.value.headers["server"] == "***"
    assert key not in caught.value.explain()
