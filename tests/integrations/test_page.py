"""The page of the FastAPI example in a browser: it follows a scan live, its pauses too, and is safe from names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from partoo_async.emulator import EmulatedGroup, EmulatedSection
from partoo_async.testing import make_emulator
from tests.integrations.conftest import Service, fastapi_service, running
from tests.support.common import PATIENCE

pytest.importorskip("fastapi", reason="needs the extra fastapi")
pytest.importorskip("uvicorn", reason="needs uvicorn")

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '<img src=x onerror="document.title=1">'
# What was to be seen at any time, for a browser on a busy machine may be looked at too late.
REMEMBER = """
  globalThis.shown = new Set();
  const changed = new MutationObserver(() => shown.add(document.body.innerText));
  changed.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


Site = tuple[Service, aiohttp.ClientSession]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The example, and an emulator that it asks."""
    groups = {number: EmulatedGroup(number, HOSTILE) for number in range(1, 13)}
    nine = EmulatedSection(9, "Nine", {number: EmulatedGroup(number, f"G{number}") for number in (91, 92, 93)})
    with make_emulator(sections=[EmulatedSection(7, HOSTILE, groups), EmulatedSection(8, "Eight"), nine]) as partoo:
        partoo.faults.add("rate_limited", retry_after=2, match="GET /sections/{id}/groups/10", times=1)
        partoo.faults.add("stall", match="GET /sections/9/groups/92")
        service = fastapi_service(partoo, tmp_path_factory.mktemp("service"), workers=1)
        async with running(service) as started:
            yield started


async def test_the_page_follows_a_scan(browser: Any, site: Site) -> None:
    """Started by its form, shown as it goes, the pause too; found again by its address; nothing from elsewhere."""
    service, _ = site
    page = await browser.new_page(color_scheme="dark")
    trouble: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(service.url)
    assert await page.evaluate(BACKGROUND) == "rgb(15, 18, 22)"
    await page.evaluate(REMEMBER)
    await page.get_by_label("Sections").fill("7")
    await page.get_by_role("button", name="Start").click()
    await page.get_by_text(f"Finished: {HOSTILE} (7)").wait_for()
    shown = await page.evaluate("[...shown]")
    assert any(f"At work: {HOSTILE} (7)" in text for text in shown)
    assert any(re.search(r"\b[1-9]\d* of 12\b", text) for text in shown if "At work" in text)
    assert any(re.search(r"Partoo asks to wait: \d+ s", text) for text in shown)
    assert await page.locator("#done").inner_text() == "12 of 12"
    assert await page.locator("#pause").is_hidden()
    assert await page.locator("#latest").inner_text() == HOSTILE
    assert await page.locator("img").count() == 0
    # Whoever has the address sees the scan, too.
    other = await browser.new_page(color_scheme="light")
    other.set_default_timeout(PATIENCE * 1000)
    await other.goto(page.url)
    await other.get_by_text(f"Finished: {HOSTILE} (7)").wait_for()
    assert await other.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    assert await page.title() == "Scan"
    assert all(url.startswith((service.url, "data:")) for url in asked)
    assert trouble == []


async def test_the_page_says_what_is_wrong(browser: Any, site: Site) -> None:
    """A section that nobody may read is a failure in the figures; an address without a scan is told as such."""
    service, _ = site
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(f"{service.url}/#0123456789abcdef")
    await page.get_by_text("There is no such scan.").wait_for()
    await page.get_by_label("Sections").fill("999, 8")
    await page.get_by_role("button", name="Start").click()
    await page.get_by_text("Finished: section 999, Eight (8)").wait_for()
    assert await page.locator("#failed").inner_text() == "1"
    failures = await page.locator("#failures li").all_inner_texts()
    assert failures == ["Section 999: Partoo has nothing with that id, or nothing that this service may see."]


async def test_the_page_lists_scans_and_sections(browser: Any, site: Site) -> None:
    """A scan that somebody else started is there with its names and its progress, and a click shows it; a section is
    chosen by its name."""
    service, http = site
    async with http.post(f"{service.url}/scans", json={"sections": [9]}) as response:
        scan = (await response.json())["id"]
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(service.url)
    row = page.locator("#others li", has_text="Nine (9)")
    await row.get_by_text(re.compile(r"At work . 2 of 3 . \d+ s left")).wait_for()
    await row.get_by_role("link").click()
    await page.get_by_text("At work: Nine (9)").wait_for()
    assert page.url.endswith(f"#{scan}")
    assert await page.get_by_label("Sections").input_value() == ""
    for name in ("Nine", "Eight", "Nine"):
        await page.get_by_role("button", name=name).click()
    assert await page.get_by_label("Sections").input_value() == "8"
    assert await page.locator("img").count() == 0


async def test_the_page_lets_nothing_in(site: Site) -> None:
    """It names no other host, and its policy allows its own style and script alone, by their hashes."""
    service, http = site
    async with http.get(service.url) as response:
        page, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert "://" not in page
    assert "innerHTML" not in page
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
