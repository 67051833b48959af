"""``client.request(raw=True)``: a success as it came."""

from __future__ import annotations

import attrs
import pytest

from partoo_async import (
    PRODUCTION,
    APIResponseValidationError,
    APIStatusError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    PartooClient,
    RawResponse,
)
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Response
from partoo_async._protocol.interpret import interpret
from partoo_async._protocol.operations import custom
from partoo_async.testing import MockResponse, MockTransport
from tests.support.common import FAST
from tests.support.each import each
from tests.support.raw_server import answer, raw_server


async def test_a_success_is_returned_as_it_came() -> None:
    """Status, headers and bytes, whatever the body is, of reads and writes."""
    response = MockResponse(206, headers={"ETag": '"e"', "Set-Cookie": "s", "Content-Type": "text/csv"}, body=b"a,\xff")
    async with PartooClient("key", transport=MockTransport(lambda _: response)) as client:
        for method in ("GET", "POST", "DELETE"):
            found = await client.request(method, "/export", raw=True)
            assert found == RawResponse(206, {"etag": '"e"', "content-type": "text/csv"}, b"a,\xff")
        with pytest.raises(APIResponseValidationError):
            await client.request("GET", "/export")


async def test_other_statuses_raise_as_ever() -> None:
    """``raw`` is about success: errors have their classes, and are retried."""
    statuses = [503, 503, 200, 304, 404]
    transport = MockTransport(lambda _: MockResponse(statuses.pop(0), body=b"[]"))
    async with PartooClient("key", transport=transport, retry=FAST) as client:
        assert (await client.request("GET", "/x", raw=True)).body == b"[]"
        assert len(transport.requests) == 3
        with pytest.raises(APIStatusError):
            await client.request("GET", "/x", raw=True)
        with pytest.raises(NotFoundError):
            await client.request("GET", "/x", raw=True)
        assert client.quota.used == 5


async def test_a_write_is_not_repeated() -> None:
    """Nor is its response accepted if it was cut off."""
    async with raw_server(answer(500)) as server, PartooClient("key", server=server.url, retry=FAST) as client:
        with pytest.raises(InternalServerError):
            await client.request("POST", "/x", json={}, raw=True)
        assert len(server.requests) == 1
    cut = Response(200, {}, b"", cut=True)
    write = custom("POST", "/x", params=None, json={}, idempotent=None, raw=True)
    with pytest.raises(APIResponseValidationError, match="cut off"):
        interpret(write, cut, Decoder(strict=False), PRODUCTION)


@each("value", [None, 1, "yes"])
def test_raw_is_a_flag(value: object) -> None:
    """Anything else is refused before anything is sent."""
    client = PartooClient("key", transport=MockTransport(lambda _: MockResponse()))
    with pytest.raises(ConfigurationError, match="raw: expected True or False"):
        client.request("GET", "/x", raw=value).send(None)  # type: ignore[call-overload]


def test_its_repr_is_short() -> None:
    """It gets into logs: no headers, and of the body the size."""
    response = RawResponse(200, {"x-user": "me"}, b"x" * 10_000)
    assert repr(response) == "RawResponse(status=200, body=<10,000 bytes>)"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        response.status = 201  # type: ignore[misc]
