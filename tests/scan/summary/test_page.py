"""The HTML report in a browser: light, dark and on a phone, with nothing asked from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from partoo_async.scan.summary.html import html_report
from partoo_async.scan.summary.style import DARK, LIGHT
from tests.scan.summary.support import SINCE, changes, organization
from tests.support.common import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = " <img src=x onerror='document.title=1'> שלום \N{WOMAN}\u200d\N{ROCKET} " + "W" * 60
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
WIDER = """[...document.querySelectorAll('main *')]
  .filter(one => !one.closest('.hidden'))
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => one.outerHTML)"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 320)])
async def test_the_page_in_a_browser(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """In the colours that are asked for, no wider than the screen, silent, and with all lists unfolded."""
    path = tmp_path / "report.html"
    path.write_text(html_report(organization(NAMES), changes(NAMES), SINCE, 100), encoding="utf-8")
    page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    trouble: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(path.as_uri())
    for more in await page.locator("summary").all():
        await more.click()
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate(WIDER) == []
    palette = {"light": LIGHT, "dark": DARK}[scheme]
    red, green, blue = (int(palette["page"][start : start + 2], 16) for start in (1, 3, 5))
    assert await page.evaluate(BACKGROUND) == f"rgb({red}, {green}, {blue})"
    assert await page.title() == "Partoo groups, 28 November 2026"
    await page.get_by_role("link", name="Changes").click()
    assert await page.get_by_role("img", name="Groups by number of businesses").is_visible()
    assert trouble == []
    assert {*asked} == {path.as_uri()}
