"""The pages fit where they are read: a screen, a prompt, and what the package does today."""

from __future__ import annotations

import ast
import code
import os
import pty
import re
import runpy
import select
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import typer

from partoo_async.cli.app import app, run_process
from partoo_async.cli.commands import demo
from partoo_async.emulator import Behaviour
from tests.support.common import PATIENCE
from tests.support.each import each
from tests.support.pages import PAGES, README, ROOT, blocks_of, by_name, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What docs/assets/pages.css leaves room for at 1280 px, beside both sidebars.
WIDTH = 93


@each("page", PAGES)
def test_blocks_fit_a_screen(page: Path) -> None:
    """No line of a block is wider than a page of the documentation at 1280 px."""
    wide = [
        f"{by_name(page)}:{block.line + number}: {len(line)} characters"
        for block in blocks_of(page)
        for number, line in enumerate(block.text.splitlines(), start=1)
        if len(line) > WIDTH
    ]
    assert not wide


class Prompt(code.InteractiveConsole):
    """The prompt of ``python -m asyncio``, which compiles each line and runs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.refused: list[str] = []

    def runcode(self, code: object) -> None:
        """It compiles, which is all that is asked."""

    def showsyntaxerror(self, *_: object, **__: object) -> None:
        """Keep what it stumbled over."""
        self.refused.append(f"line {self.line}: {sys.exc_info()[1]}")

    def paste(self, text: str) -> list[str]:
        """Push a text as a terminal does, and return what is refused."""
        more = False
        for self.line, line in enumerate(text.splitlines(), start=1):
            more = self.push(line)
        if more:
            self.push("")  # the Enter after a paste that ends in a suite
        return self.refused


@each(
    ("text", "fits"),
    [
        ("a = 1\nb = 2", True),
        ("async with a:\n    b", True),
        ("async with a:\n    b\n\nc", True),
        ("async with a:\n    b\nc", False),  # the suite has not ended
        ("async with a:\n    b\n\n    c", False),  # the suite has ended
        ("f(\n    a,\n\n    b,\n)\nc", True),  # within brackets nothing ends
        ("try:\n    await a\nexcept B:\n    c\n\nd", True),
        ("@a\ndef b():\n    c\n\n\nd", True),
    ],
)
def test_the_rule_of_a_prompt(text: str, fits: bool) -> None:
    """An empty line ends a suite, and nothing else does."""
    assert (not Prompt().paste(text)) is fits


@each("page", PAGES)
def test_blocks_can_be_pasted(page: Path) -> None:
    """Each block goes line by line into ``python -m asyncio``, but for files: those that call ``asyncio.run``."""
    for block in blocks_of(page):
        if block.language == "python" and not re.search(r"^asyncio\.run\(", block.text, re.MULTILINE):
            assert not Prompt().paste(block.text), f"{by_name(page)}, line {block.line}"


@contextmanager
def at_a_prompt(directory: Path, **variables: str) -> Iterator[int]:
    """A real ``python -m asyncio`` in a terminal that knows nothing of pasting."""
    ours, theirs = pty.openpty()
    environment = os.environ | variables | {"TERM": "dumb", "PYTHONPATH": str(ROOT), "PYTHON_BASIC_REPL": "1"}
    command = [sys.executable, "-m", "asyncio"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, env=environment
    ) as process:
        os.close(theirs)
        try:
            yield ours
        finally:
            process.kill()
            os.close(ours)


def seen_until(terminal: int, text: str) -> str:
    """Read what is shown until a text is there."""
    seen = b""
    while text.encode().replace(b"\n", b"\r\n") not in seen:
        ready, _, _ = select.select([terminal], [], [], PATIENCE)
        assert ready, f"waited for {text!r}, saw {seen.decode(errors='replace')}"
        seen += os.read(terminal, 65536)
    return seen.decode(errors="replace").replace("\r\n", "\n")


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="on a terminal that only prints, `python -m asyncio` of 3.13.0 takes no suites"
)
def test_the_readme_can_be_pasted(tmp_path: Path) -> None:
    """Line by line into a real prompt, the tour of the README prints what it shows."""
    blocks = [block for block in blocks_of(README) if block.language == "python"][1:]
    with served() as variables, at_a_prompt(tmp_path, **variables) as terminal:
        seen_until(terminal, ">>> ")
        for number, block in enumerate(blocks):
            # A product, so that the echo of the line is not taken for its result.
            os.write(terminal, f"{block.text}\n\nprint('block', {number} * 1000 + 7)\n".encode())
            shown = seen_until(terminal, f"block {number * 1000 + 7}\n")
            assert "Traceback" not in shown
            assert "SyntaxError" not in shown
            last = (block.output or "").strip().rpartition("\n")[2]
            assert last in shown or last == "..."


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / ".ci" / name))


@each("page", PAGES)
def test_rows_have_the_cells_of_their_table(page: Path) -> None:
    """No row has a cell more or less than the heading of its table, so that nothing stands in a foreign column."""
    bare = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\|$\n?)+", bare, re.MULTILINE):
        heading, _, *rows = [re.split(r"(?<!\\)\|", line) for line in table.splitlines()]
        assert [" | ".join(row) for row in rows if len(row) != len(heading)] == [], by_name(page)


@each(
    ("html", "mended"),
    [
        ("<p><code>--json</code></p>", '<p><code><span class="whole">--json</span></code></p>'),
        (
            "<p><code>pip install '.[cli]'</code></p>",
            """<p><code>pip install <span class="whole">'.[cli]'</span></code></p>""",
        ),
        ("<p><code>APIConnectionError</code> of-text</p>", "<p><code>APIConnectionError</code> of-text</p>"),
        ("<td><code>max_outage</code></td>", "<td><code>max_<wbr>outage</code></td>"),
        ("<td><code>APIConnectionError</code></td>", "<td><code>APIConnection<wbr>Error</code></td>"),
        ("<td><code>https://api/v2</code></td>", "<td><code>https://<wbr>api/<wbr>v2</code></td>"),
        (r"<td><code>--to a\|b</code></td>", '<td><code><span class="whole">--to</span> a|<wbr>b</code></td>'),
        ("<pre><code>a-b</code></pre>", "<pre><code>a-b</code></pre>"),
        ("<td><pre><code>a_b</code></pre></td>", "<td><pre><code>a_b</code></pre></td>"),
    ],
)
def test_code_breaks_between_its_parts(html: str, mended: str) -> None:
    """Options stay whole, long names in tables may break, blocks are as they were, and no word gets another letter."""
    assert script("code_in_text.py")["mended"](html) == mended
    assert re.sub("<[^>]+>", "", mended) == re.sub("<[^>]+>", "", html).replace("\\|", "|")


def test_the_readme_is_short() -> None:
    """At most 1,200 words, code included; what is longer has a page."""
    assert len(README.read_text(encoding="utf-8").split()) <= 1200


def test_the_home_page_is_the_readme() -> None:
    """The first example, the install lines, the tour, the commands and the promises are those of the README."""
    readme = README.read_text(encoding="utf-8")
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    page = script("home.py")["home"](index, readme)
    assert "README.md" not in page
    blocks = [block.text for block in blocks_of(README)]
    assert len(blocks) > 20
    assert all(block in page for block in blocks)
    assert readme.partition("## What it promises\n")[2].partition("\n## ")[0].replace("](docs/", "](").strip() in page
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page) if "://" not in link]
    assert [link for link in links if link and not (ROOT / "docs" / link).exists()] == []


def test_a_place_without_its_heading_is_an_error() -> None:
    """A heading of the README that is renamed does not silently vanish from the home page."""
    with pytest.raises(KeyError):
        script("home.py")["home"]("[x](../README.md#nowhere)\n", "# a\n\nb\n")


def is_pinned(name: str, version: str) -> bool:
    return f"\n{name}=={version} " in (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(not is_pinned("typer", typer.__version__), reason="another typer words some options differently")
def test_the_page_of_the_command_line_is_true() -> None:
    """docs/cli.md is what the commands say of themselves today; if not, run ``make pages``."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == script("cli_page.py")["page"](), "run: make pages"


def test_every_command_is_on_its_page() -> None:
    """With any typer each command has a heading there, those of groups included."""
    walk = script("cli_page.py")["walk"]
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    paths = [path for path, _, _ in walk(typer.main.get_command(app), "partoo")]
    assert len(paths) > 12
    assert [path for path in paths[1:] if not re.search(rf"^##+ {path}$", page, re.MULTILINE)] == []


def test_each_usage_is_well_formed() -> None:
    """Brackets around what is optional open and close once, in the usage of each command and in its table."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    usages = re.findall(r"^partoo .*\[OPTIONS\].*$", page, re.MULTILINE)
    assert len(usages) > 20
    wrong = [one for one in usages if re.search(r"\[\[|\.\.\.\S", one) or one.count("[") != one.count("]")]
    assert wrong == []
    assert re.findall(r"^\| `[\w.]*[][][^`]*` .*$", page, re.MULTILINE) == []


PICTURE = ROOT / "docs" / "images" / "demo.svg"


def lines_in(picture: Path) -> list[str]:
    """The lines of the last picture, which stays."""
    texts = ET.parse(picture).getroot().findall(".//*[@id]")[-1]
    rows: dict[str, list[str]] = {}
    for text in texts:
        rows.setdefault(text.attrib["y"], []).append(text.text or "")
    return [" ".join(row) for row in rows.values()]


def without_numbers(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "0", " ".join(line.split()))


def test_the_picture_is_what_the_demo_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with the last lines of ``partoo demo``; if not, run ``make picture``."""
    monkeypatch.setattr(demo, "_LATENCY", 0.0)
    assert run_process(["demo"]) == 0
    output, said = capsys.readouterr()
    real = {without_numbers(line) for line in [*output.splitlines(), *said.splitlines()]}
    shown = [without_numbers(line) for line in lines_in(PICTURE)]
    assert len(shown) > 10
    assert [line for line in shown if line not in real] == [], "run: make picture"


def test_the_picture_is_small_and_loads_nothing() -> None:
    """An SVG of less than 60 kB, without a script, a font or a link."""
    source = PICTURE.read_text(encoding="utf-8")
    assert len(source) < 60_000
    assert re.findall(r"https?://[^\"]+", source.replace("http://127.0.0.1", "")) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|@font-face|url\(|href", source)
    assert "prefers-reduced-motion" in source


def test_pictures_of_the_documentation_are_small() -> None:
    """All of them together are less than 300 kB, every one is on a page, and a light one has a dark one beside it."""
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in pictures) < 300_000
    words = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [path.name for path in pictures if not re.search(rf"images/{path.name}[#)]", words)] == []
    light = re.findall(r"images/([\w-]+)\.png(?!#gh-dark-mode-only)", words)
    assert light
    assert [name for name in light if f"images/{name}-dark.png#gh-dark-mode-only)" not in words] == []


def test_what_was_never_tried_is_told() -> None:
    """Whatever the emulator can play in two ways is on the page, with what it rests on and how to find out."""
    page = (ROOT / "docs" / "never-tried.md").read_text(encoding="utf-8")
    assert [field.name for field in attrs.fields(Behaviour) if f"`{field.name}`" not in page] == []
    rows = [row for row in re.findall(r"^\| (.+) \|$", page, re.MULTILINE) if not row.startswith("fact |")]
    cells = [re.split(r"(?<!\\) \| ", row) for row in rows]
    assert len(cells) > 25
    assert all(len(row) == 4 for row in cells)
    assert {re.match(r"\w+", row[1])[0] for row in cells} <= {"document", "pages", "others", "assumed"}  # type: ignore[index]


def test_the_reference_is_in_the_order_of_use() -> None:
    """A program meets a client first, then what it reads, then errors and policies; tests come last."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    order = [
        "Client",
        "Groups, sections, businesses",
        "Models",
        "Scans",
        "Exports",
        "Errors",
        "Policy",
        "Quota",
        "Events",
    ]
    assert [heading for heading in headings if heading in order] == order
    assert headings.index("Testing") > headings.index("Events")


def test_pages_load_nothing_from_elsewhere() -> None:
    """The build takes no font and no style of another host."""
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in config
    assert "://" not in config
