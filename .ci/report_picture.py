"""Takes a picture of the page that ``partoo report`` writes, with Chromium; ``make picture`` runs it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import async_playwright

from partoo_async import PartooClient, diff_scans
from partoo_async.emulator import Emulator

WIDTH, HEIGHT = 760, 640
AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # so that the same report gives the same picture


async def write_report(page: Path) -> None:
    """Write a report of two scans, between which a few things change."""
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as partoo:
        before = await partoo.scan_all(businesses=True).collect()
        emulator.businesses["82e2e662f728b4fa42485e3a"].status = "closed"
        emulator.sections[5].groups[20].business_ids.pop()
        emulator.sections[7].groups[42].name = "France métropolitaine"
        after = await partoo.with_options(rate_limit=None).scan_all(businesses=True).collect()
    await after.write(page, diff=await diff_scans(before, after), at=AT)


async def main(target: Path) -> None:
    """Take the pictures of its beginning, as a light page and, with another name, as a dark one."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        await write_report(page)
        async with async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=shutil.which("chromium"))
            tab = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            await tab.goto(page.as_uri())
            await tab.screenshot(path=target)
            await tab.emulate_media(color_scheme="dark")
            await tab.screenshot(path=target.with_stem(f"{target.stem}-dark"))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
