"""Keys, the quota, unknown routes and the shape of errors: what comes before an operation."""

from __future__ import annotations

import asyncio
import math
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from partoo_async.policy import RateLimit

UNAUTHENTICATED = {"errors": {"authentication": "User not authenticated"}}


@pytest.mark.parametrize("header", ["x-APIKey", "X-APIKEY", "x-apikey"])
async def test_the_key_comes_in_a_header_of_any_case(api, header) -> None:
    """Header names are case-insensitive in HTTP."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(api.emulator.url + "/sections", headers={header: "emulator-key"}) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize("key", ["", "wrong", "Emulator-Key", "emulator-key2"])
async def test_a_missing_or_wrong_key_is_401(api, key) -> None:
    """With the documented body; also for a route that does not exist, which tells strangers nothing."""
    for path in ("/sections", "/nonsense"):
        answer = await api.get(path, headers={"x-APIKey": key})
        assert (answer.status, answer.body) == (401, UNAUTHENTICATED)
    async with aiohttp.ClientSession() as session, session.get(api.emulator.url + "/sections") as response:
        assert (response.status, await response.json()) == (401, UNAUTHENTICATED)


async def test_requests_are_recorded_with_the_key_s_id_never_the_key(serve) -> None:
    """Method, path without the query, route template, key id and status; None where there is none."""
    api = await serve(api_key="first", api_keys=["second", "first", "third"])
    await api.get("/sections?api_key=first")
    await api.get("/sections/7/groups/42", headers={"x-APIKey": "second"})
    await api.get("/sections/7", headers={"x-APIKey": "third"})
    await api.get("/nonsense", headers={"x-APIKey": "nobody"})
    await api.delete("/sections/5/groups/999")
    rows = [(seen.method, seen.path, seen.route, seen.key_id, seen.status) for seen in api.emulator.requests]
    assert rows == [
        ("GET", "/v2/sections", "/sections", "key-1", 200),
        ("GET", "/v2/sections/7/groups/42", "/sections/{section_id}/groups/{group_id}", "key-2", 200),
        ("GET", "/v2/sections/7", "/sections/{section_id}", "key-4", 200),
        ("GET", "/v2/nonsense", None, None, 401),
        ("DELETE", "/v2/sections/5/groups/999", "/sections/{section_id}/groups/{group_id}", "key-1", 404),
    ]
    times = [seen.time for seen in api.emulator.requests]
    assert times == sorted(times)
    assert not {"first", "second", "third", "nobody"} & {str(value) for row in rows for value in row}
    assert "first" not in repr(api.emulator) + repr(api.emulator.requests)


@pytest.mark.parametrize("path", ["/nonsense", "/sections/", "/sections/7/groups/42/more", ""])
async def test_an_unknown_route_is_404(api, path) -> None:
    """Its `json` is a string, as documented."""
    answer = await api.get(path)
    assert (answer.status, answer.body) == (404, {"errors": {"json": "Resource not found"}})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/sections/7", {"GET", "POST", "DELETE"}),
        ("PATCH", "/sections/7", {"GET", "POST", "DELETE"}),
        ("GET", "/sections/7/groups", {"POST"}),
        ("POST", "/business/search", {"GET"}),
    ],
)
async def test_a_known_route_with_another_method_is_405(api, method, path, allowed) -> None:
    """Writes are POST or DELETE, listing a section's groups is no operation of the API; Allow says what there is."""
    answer = await api.send(method, path)
    assert (answer.status, answer.body) == (405, {"errors": {"json": "Method Not Allowed"}})
    assert set(answer.headers["Allow"].split(",")) == allowed


async def test_errors_come_under_the_chosen_key(serve) -> None:
    """The OpenAPI document says `errors`, the errors guide mostly `error`."""
    api = await serve(error_key="error", rate_limit=RateLimit(5))
    answers = [
        await api.get("/sections/x"),
        await api.get("/sections", headers={"x-APIKey": "wrong"}),
        await api.delete("/sections/12"),
        await api.get("/sections/999"),
        await api.send("POST", "/sections", data=b"x"),
        await api.get("/nonsense"),
        await api.get("/sections"),
    ]
    assert [answer.status for answer in answers] == [400, 401, 403, 404, 415, 404, 429]
    assert all(list(answer.body) == ["error"] for answer in answers)


async def test_over_the_quota_every_key_gets_429_and_the_time_that_remains(serve) -> None:
    """The limit is per organization, so all keys share it; unauthenticated requests do not use it up."""
    api = await serve(rate_limit=RateLimit(2, 60.0), api_keys=["second"])
    for _ in range(3):
        assert (await api.get("/sections/1", headers={"x-APIKey": "wrong"})).status == 401
    assert (await api.get("/sections/1")).status == 200
    assert (await api.get("/sections/1", headers={"x-APIKey": "second"})).status == 200
    answer = await api.get("/nonsense", headers={"x-APIKey": "second"})
    assert (answer.status, answer.body) == (429, {"errors": {"json": "Too many requests"}})
    assert answer.headers["Retry-After"] == "60"


async def test_the_default_limit_is_the_documented_one(serve) -> None:
    """300 requests are served, the next one is not."""
    api = await serve()
    statuses = await asyncio.gather(*(api.get("/sections/1/groups/1") for _ in range(301)))
    assert sorted(answer.status for answer in statuses) == [200] * 300 + [429]
    assert api.emulator.busiest_window() == 301


async def test_a_scaled_down_window_reopens_after_its_fractional_retry_after(serve) -> None:
    """Below ten seconds Retry-After has a fraction, and whoever waits that long is served."""
    api = await serve(rate_limit=RateLimit(1, 0.2))
    assert (await api.get("/sections/1")).status == 200
    refused = await api.get("/sections/1")
    assert 0 < float(refused.headers["Retry-After"]) <= 0.21
    await asyncio.sleep(float(refused.headers["Retry-After"]))
    assert (await api.get("/sections/1")).status == 200


async def test_retry_after_can_be_a_date_a_constant_or_absent(serve) -> None:
    """What the header holds is an open question; a date counts from the answer's own Date."""
    dated, constant, absent = [
        await serve(rate_limit=RateLimit(1, 60.0), retry_after=style) for style in ("date", 60, "absent")
    ]
    for api in (dated, constant, absent):
        await api.get("/sections/1")
    answer = await dated.get("/sections/1")
    wait = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(answer.headers["Date"])
    assert 60 <= wait.total_seconds() <= 62
    assert (await constant.get("/sections/1")).headers["Retry-After"] == "60"
    assert "Retry-After" not in (await absent.get("/sections/1")).headers


@pytest.mark.parametrize("window", ["sliding", "fixed", "token_bucket", "sliding_counts_rejects"])
async def test_every_kind_of_window_can_be_chosen(serve, window) -> None:
    """Each one serves the limit at once and refuses the next request, for no longer than a window."""
    api = await serve(rate_limit=RateLimit(3, 3600.0), window=window)
    statuses = [(await api.get("/sections/1")).status for _ in range(3)]
    refused = await api.get("/sections/1")
    assert [*statuses, refused.status] == [200, 200, 200, 429]
    # A bucket refills a third of the way in; the others empty as one.
    assert math.isclose(int(refused.headers["Retry-After"]), 1200 if window == "token_bucket" else 3600, abs_tol=2)


async def test_the_busiest_window_counts_every_request(serve) -> None:
    """Refused ones included; its length is the quota's, else a minute, else what is asked for."""
    api = await serve(rate_limit=RateLimit(1, 60.0))
    unlimited = await serve(rate_limit=None)
    for _ in range(3):
        await api.get("/sections/1")
        await unlimited.get("/sections/1")
    assert api.emulator.busiest_window() == unlimited.emulator.busiest_window() == 3
    assert api.emulator.busiest_window(1e-9) == 1
