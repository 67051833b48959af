"""The page for people: live, beside the API, without the key, and safe from what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from partoo_async.emulator import Emulator
from partoo_async.emulator.http.request_log import RequestLog, SeenRequest
from partoo_async.emulator.http.status_page import feed
from partoo_async.emulator.rate_limiters import LIMITERS, ServerRateLimit
from partoo_async.policy import RateLimit
from tests.emulator.conftest import Api
from tests.support.common import PATIENCE
from tests.support.each import each


def root(emulator: Emulator) -> str:
    return emulator.url.removesuffix("/v2")


async def fetch(emulator: Emulator, path: str, method: str = "GET") -> tuple[aiohttp.ClientResponse, str]:
    """Ask without a key."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, root(emulator) + path) as response,
    ):
        return response, await response.text()


async def shown(emulator: Emulator) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(root(emulator) + "/status.json") as response:
        return await response.json()


@pytest.mark.parametrize("path", ["/", "/status.json", "/favicon.ico"])
async def test_it_is_no_api_request(path) -> None:
    """Without a key it answers, late by nothing and at once, uses no quota and is not in the log."""
    async with Emulator(rate_limit=RateLimit(requests=1, per=60.0), latency=3600.0) as emulator:
        for method in ("GET", "HEAD"):
            for _ in range(3):
                response, _ = await fetch(emulator, path, method)
                assert response.status in (200, 204)
        assert emulator.requests == ()
        assert (await shown(emulator))["quota"]["used"] == 0


async def test_other_methods_and_paths_are_the_apis() -> None:
    """Only GET and HEAD of these paths stand beside the API; all else is refused and recorded as before."""
    async with Emulator() as emulator:
        for method, path in [("POST", "/"), ("DELETE", "/status.json"), ("GET", "/index.html"), ("GET", "/v2/")]:
            assert (await fetch(emulator, path, method))[0].status == 401
        assert len(emulator.requests) == 4


async def test_the_feed_says_what_happened(serve) -> None:
    """Totals, statuses, quota and the latest requests, newest first, without a query or a key."""
    api = await serve(api_key="a-secret-key", rate_limit=RateLimit(requests=2, per=60.0))
    await api.get("/sections/7", params={"api_key": "a-secret-key"})
    await api.get("/sections/7/groups/9999")
    await api.get("/sections/7")
    async with aiohttp.ClientSession() as session:
        await session.get(api.emulator.url + "/sections/7")
    found = await shown(api.emulator)
    assert found["requests"] == 4
    assert found["quota"] == {"used": 2, "limit": 2, "per": 60.0}
    assert found["statuses"] == [{"name": name, "count": 1} for name in ("200", "401", "404", "429")]
    assert found["faults"] == []
    assert [seen["status"] for seen in found["latest"]] == [401, 429, 404, 200]
    assert [seen["key"] for seen in found["latest"]] == [None, "key-1", "key-1", "key-1"]
    assert found["latest"][2]["path"] == "/v2/sections/7/groups/9999"
    page = (await fetch(api.emulator, "/"))[1]
    assert "a-secret-key" not in str(found) + page


def test_the_feed_is_small_and_quick_however_much_was_seen() -> None:
    """Faults and requests without an answer have their counts; 25 requests are listed, long paths cut."""
    log = RequestLog()
    for number in range(1000):
        fault = "reset" if number % 4 == 0 else None
        log.add(SeenRequest(float(number), "GET", "/v2/" + "x" * 8000, None, None, None if fault else 200, fault))
    found = feed(log, None, now=1000.0)
    assert found["requests"] == 1000
    assert found["per_second"] == 0.8  # 4 of 5 seconds: what is 5 seconds old is out
    assert found["quota"] is None
    assert found["statuses"] == [{"name": "200", "count": 750}, {"name": "no response", "count": 250}]
    assert found["faults"] == [{"name": "reset", "count": 250}]
    assert len(found["latest"]) == 25
    assert found["latest"][0]["seconds_ago"] == 1.0
    assert {len(seen["path"]) for seen in found["latest"]} == {200}
    assert log.statuses == Counter({200: 750, None: 250})


# After 3 requests of 4 in 10 s at second 0, then at seconds 5 and 11: what the quota counts as used.
USED = {"sliding": (3, 3, 0), "fixed": (3, 3, 0), "sliding_counts_rejects": (3, 3, 0), "token_bucket": (3, 1, 0)}


@each("window", LIMITERS)
def test_every_window_knows_its_use(window) -> None:
    """The use of the quota is asked for without counting, in each kind of window."""
    times = [0.0]
    quota = ServerRateLimit(LIMITERS[window](RateLimit(requests=4, per=10.0), lambda: times[-1]), 10.0, "remaining")
    assert quota.limiter.used() == 0
    for _ in range(3):
        quota.check()
    seen = [quota.limiter.used()]
    for time in (5.0, 11.0):
        times.append(time)
        seen.append(quota.limiter.used())
    assert tuple(seen) == USED[window]


@each("window", LIMITERS)
def test_use_never_passes_the_limit(window) -> None:
    """Rejected requests do not show as more than all of the quota."""
    kind = LIMITERS[window](RateLimit(requests=2, per=10.0), lambda: 1.0)
    for _ in range(5):
        kind.admit()
    assert kind.used() == 2


async def test_the_page_stands_alone() -> None:
    """One file without another host; its policy lets only its own style and script run."""
    async with Emulator() as emulator:
        response, page = await fetch(emulator, "/")
    assert response.content_type == "text/html"
    assert "://" not in page
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert response.headers["X-Content-Type-Options"] == "nosniff"


IN_ITS_LOOP = pytest.mark.asyncio(loop_scope="module")  # that of the browser
TEN_TIMES = "const later = setTimeout; window.setTimeout = (what, milliseconds) => later(what, milliseconds / 10)"


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[Api]:
    async with Emulator(**options) as emulator:
        async with aiohttp.ClientSession(headers={"x-APIKey": emulator.api_key}) as session:
            yield Api(emulator, session)


@IN_ITS_LOOP
async def test_a_browser_follows_the_requests(browser) -> None:
    """Without a reload the page shows new requests; hostile paths are text; pausing stops it; nothing is logged."""
    async with served(rate_limit=RateLimit(requests=5, per=60.0)) as api:
        await assert_followed(browser, api)


async def assert_followed(browser, api) -> None:
    page = await browser.new_page(color_scheme="dark")
    await page.add_init_script(TEN_TIMES)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(root(api.emulator))
    await page.get_by_text("Live").wait_for()
    assert await page.locator("#requests").inner_text() == "0"
    hostile = '/nowhere/<img src=x onerror="document.title=1">'
    await api.get(hostile)
    await api.get("/sections/7/groups/42")
    await page.locator("#latest").get_by_text("/v2/sections/7/groups/42").wait_for()
    assert await page.locator("#requests").inner_text() == "2"
    assert await page.locator("#quota").inner_text() == "2 of 5 in 60 s"
    assert "/v2" + hostile in await page.locator("#latest").inner_text()
    assert await page.locator("img").count() == 0
    assert await page.locator("#statuses").inner_text() == "200\t1\n404\t1"
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_text("Paused").wait_for()
    await api.get("/sections/7")
    await page.get_by_role("button", name="Pause").click()
    await page.locator("#requests").get_by_text("3").wait_for()
    assert await page.title() == "Partoo emulator"
    assert problems == []
    await api.emulator.stop()
    await page.get_by_text("does not respond").wait_for()
    assert len(api.emulator.requests) == 3
    await page.close()


CONTRASTS = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (color) => numbers(color).map((value) => value / 255)
    .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const back = (node) => {
    const color = node ? getComputedStyle(node).backgroundColor : "rgb(255, 255, 255)";
    return color === "rgba(0, 0, 0, 0)" ? back(node.parentElement) : color;
  };
  const nodes = document.querySelectorAll("h1, h2, p, button, caption, th, td");
  return [...nodes].filter((node) => node.offsetParent).map((node) => {
    const [one, two] = [light(getComputedStyle(node).color), light(back(node))];
    return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  });
}"""


@IN_ITS_LOOP
async def test_the_page_can_be_read_by_everybody(browser) -> None:
    """Enough contrast in both colour schemes, no sideways scrolling on a phone, names for what is not text."""
    async with served(rate_limit=None) as api:
        for path in ("/sections/7", "/nowhere"):
            await api.get(path)
        for scheme in ("light", "dark"):
            await assert_readable(browser, api, scheme)


async def assert_readable(browser, api, scheme) -> None:
    page = await browser.new_page(color_scheme=scheme, viewport={"width": 360, "height": 700})
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(root(api.emulator))
    await page.locator("#latest").get_by_text("404").wait_for()
    contrasts = await page.evaluate(CONTRASTS)
    assert len(contrasts) > 20
    assert min(contrasts) >= 4.5  # WCAG 2.2, level AA
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.documentElement.lang") == "en"
    back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    assert await page.get_by_role("table").count() == 3
    assert await page.get_by_role("status").count() == 1
    assert await page.get_by_text("No limit").is_visible()
    assert await page.locator("meter").is_hidden()
