"""Takes a picture of the page of the FastAPI example while it scans, with Chromium; ``make picture`` runs it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from partoo_async import RateLimit
from partoo_async.testing import make_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 760, 700
LATENCY = 0.3  # seconds of each response: slow enough that a scan is under way in the picture


@contextmanager
def service(folder: str) -> Iterator[str]:
    """Start the example and an emulator for it; return the example's URL."""
    with make_emulator(rate_limit=RateLimit(60, 10.0), latency=LATENCY) as emulator, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        environ = {**os.environ, "PARTOO_API_KEY": emulator.api_key, "PARTOO_SERVER": emulator.url}
        environ |= {"SCANS_DIR": folder, "RATE_LIMIT": "60/10"}
        command = [sys.executable, "-m", "uvicorn", "--fd", str(listener.fileno()), "--log-level", "warning"]
        process = subprocess.Popen(  # noqa: S603 - ours
            [*command, "examples.fastapi_app.app:app"], env=environ, cwd=ROOT, pass_fds=[listener.fileno()]
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait()


async def main(target: Path) -> None:
    """Start two scans from the page, and take its pictures, light and dark, while the second is under way."""
    with tempfile.TemporaryDirectory() as folder, service(folder) as url:
        async with async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=shutil.which("chromium"))
            tab = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            for sections, until in (("12", "Finished"), ("7 9", "At work")):
                await tab.goto(url)
                await tab.get_by_label("Sections").fill(sections)
                await tab.get_by_role("button", name="Start").click()
                await tab.get_by_text(until).first.wait_for()
            await tab.locator("#others", has_text=re.compile(r"Country.* of 54")).wait_for()
            await tab.screenshot(path=target)
            await tab.emulate_media(color_scheme="dark")
            await tab.screenshot(path=target.with_stem(f"{target.stem}-dark"))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
