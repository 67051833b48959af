"""The page of the FastAPI example in a browser: it follows a scan live, its pauses too, and is safe from names."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from partoo_async.emulator import EmulatedGroup
from partoo_async.testing import ThreadedEmulator
from tests.conftest import PATIENCE
from tests.web.conftest import fastapi_service, running

pytest.importorskip("fastapi", reason="needs the extra fastapi")
pytest.importorskip("uvicorn", reason="needs uvicorn")

HOSTILE = '<img src=x onerror="document.title=1">'
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """A headless Chromium of the system; nothing is downloaded."""
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs chromium")
    async with AsyncExitStack() as stack:
        tools = await stack.enter_async_context(playwright.async_playwright())
        started = await tools.chromium.launch(executable_path=path, timeout=PATIENCE * 1000)
        stack.push_async_callback(started.close)
        yield started


async def test_the_page_follows_a_scan(browser: Any, partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Started by its form, shown as it goes, the pause too; found again by its address; nothing from elsewhere."""
    partoo.sections[7].groups = {number: EmulatedGroup(number, HOSTILE) for number in range(1, 41)}
    partoo.faults.add("rate_limited", retry_after=3, match="GET /sections/{id}/groups/30", times=1)
    async with running(fastapi_service(partoo, tmp_path, workers=1, PARTOO_QUOTA="20/2")) as (service, _):
        page = await browser.new_page(color_scheme="dark")
        trouble: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.set_default_timeout(PATIENCE * 1000)
        await page.goto(service.url)
        assert await page.evaluate(BACKGROUND) == "rgb(15, 18, 22)"
        await page.get_by_label("Sections").fill("7")
        await page.get_by_role("button", name="Start").click()
        await page.get_by_text("At work: section 7").wait_for()
        await page.get_by_text(re.compile(r"^(?!0)\d+ of 40$")).wait_for()
        await page.get_by_text(re.compile(r"Partoo asks to wait: \d+ s")).wait_for()
        await page.get_by_text("Finished: section 7").wait_for()
        assert await page.locator("#done").inner_text() == "40 of 40"
        assert await page.locator("#pause").is_hidden()
        assert await page.locator("#latest").inner_text() == HOSTILE
        assert await page.locator("img").count() == 0
        # Whoever has the address sees the scan, too.
        other = await browser.new_page(color_scheme="light")
        other.set_default_timeout(PATIENCE * 1000)
        await other.goto(page.url)
        await other.get_by_text("Finished: section 7").wait_for()
        assert await other.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
        assert await page.title() == "Scan"
        assert all(url.startswith((service.url, "data:")) for url in asked)
        assert trouble == []


async def test_the_page_says_what_is_wrong(browser: Any, partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """A section that nobody may read is a failure in the figures; an address without a scan is told as such."""
    async with running(fastapi_service(partoo, tmp_path, workers=1)) as (service, _):
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        await page.goto(f"{service.url}/#0123456789abcdef")
        await page.get_by_text("There is no such scan.").wait_for()
        await page.get_by_label("Sections").fill("999, 7")
        await page.get_by_role("button", name="Start").click()
        await page.get_by_text("Finished: sections 999, 7").wait_for()
        assert await page.locator("#failed").inner_text() == "1"


async def test_the_page_lets_nothing_in(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """It names no other host, and its policy allows its own style and script alone, by their hashes."""
    async with running(fastapi_service(partoo, tmp_path, workers=1)) as (service, http):
        async with http.get(service.url) as response:
            page, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert "://" not in page
    assert "innerHTML" not in page
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
