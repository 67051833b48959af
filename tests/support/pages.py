"""The README and the pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import asyncio
import re
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from partoo_async.emulator import Emulator
from tests.support.common import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass
class Block:
    """A fenced block. ``output``: the ``text`` block that follows it at once, which shows what it prints."""

    language: str
    text: str
    line: int
    output: str | None = None


def blocks_of(page: Path) -> list[Block]:
    source = page.read_text(encoding="utf-8")
    blocks: list[Block] = []
    end = 0
    for match in FENCE.finditer(source):
        block = Block(match["language"], textwrap.dedent(match["text"]), source.count("\n", 0, match.start("text")))
        if block.language == "text" and blocks and not source[end : match.start()].strip():
            blocks[-1].output = block.text
        blocks.append(block)
        end = match.end()
    return blocks


def by_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@contextmanager
def served(**options: Any) -> Iterator[dict[str, str]]:
    """An emulator in a thread of its own, since pages start event loops themselves; yields the two variables."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = Emulator(**options)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(PATIENCE)
        yield {"PARTOO_SERVER": server.url, "PARTOO_API_KEY": server.api_key}
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
