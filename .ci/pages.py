"""Writes the code of each page to a module that type checkers can read; ``make types`` runs it.

The blocks of a page run together, with ``await`` at their top level: they become the body of one coroutine. Each line
keeps its number.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent

# As in tests/test_docs.py, which runs these blocks.
FENCE = re.compile(r"^(?P<indent> *)```python[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)

# An alias of a type is fine on a page, though not in a coroutine, and so is a value that a notebook shows; not every
# library that a page names is installed.
SETTINGS = """
# pyright: reportInvalidTypeForm=false, reportMissingImports=false, reportUnusedExpression=false
"""


def module_of(page: str) -> str | None:
    """Return the module of a page, or None if it has no code."""
    lines = [""] * (page.count("\n") + 1)
    for match in FENCE.finditer(page):
        first = page.count("\n", 0, match.start("text"))
        block = textwrap.indent(textwrap.dedent(match["text"]), "    ").splitlines()
        lines[first : first + len(block)] = block
    if not any(lines):
        return None
    lines[0] = "async def page() -> None:"
    return "\n".join(lines).rstrip() + "\n" + SETTINGS


def main(target: Path) -> None:
    """Write the modules of all pages."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        module = module_of(path.read_text(encoding="utf-8"))
        if module is not None:
            name = re.sub(r"\W", "_", path.relative_to(ROOT).with_suffix("").as_posix())
            (target / f"{name}.py").write_text(module, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
