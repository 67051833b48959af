"""The documentation is true: its code runs and prints what it says, and its lists are those of the package."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import runpy
import subprocess
import sys
import textwrap
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

import partoo_async
from partoo_async import emulator, errors
from partoo_async.cli.app import app
from tests.support.each import each
from tests.support.orchestrators import stand_ins
from tests.support.pages import PAGES, README, ROOT, Block, blocks_of, by_name, served

if TYPE_CHECKING:
    from collections.abc import Sequence

# connect.py is what the others share; run by itself it does nothing.
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name != "connect.py")


def test_install_lines_are_uniform() -> None:
    """Each line names the clone, as there is no release on an index yet; one sentence has the line for after that."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = [*PAGES, *(ROOT / "examples").rglob("*.py"), ROOT / "CONTRIBUTING.md"]
    lines = [line for path in files for line in re.findall(r"pip install ([^`\n#]+)", path.read_text(encoding="utf-8"))]
    after_a_release = f"'{project['name']}[cli]'"
    assert lines.count(after_a_release) == 1
    assert after_a_release in README.read_text(encoding="utf-8").partition("## Install")[2].partition("##")[0]
    taken = [re.fullmatch(r"\.|'\.\[([a-z,]+)\]'", line.strip()) for line in lines if line != after_a_release]
    assert len(taken) > 4
    assert all(taken)
    extras = {extra for one in taken if one and one[1] for extra in one[1].split(",")}
    assert extras <= project["optional-dependencies"].keys()


def run_block(page: Path, block: Block, namespace: dict[str, Any], runner: asyncio.Runner) -> None:
    # The empty lines in front make a traceback point into the page.
    source = "\n" * block.line + block.text
    code = compile(source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, namespace)
    if inspect.iscoroutine(result):
        runner.run(result)


def prints(expected: str, output: str) -> bool:
    """Whether the output is the expected text, in which ``...`` stands for anything and ``0 s`` for any seconds, as
    ``less than 1 s`` does for any that a plan foresees."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("..."))
    pattern = pattern.replace(r"less\ than\ 1\ s", r"(?:less\ than|about)\ 1\ s")
    pattern = re.sub(r"\d+\\ s\b", r"\\d+\\ s", pattern)
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_code_on_pages_runs(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every ``python`` block runs, in the order of the page, and prints what the ``text`` block after it shows."""
    blocks = [block for block in blocks_of(page) if block.language == "python"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)  # the command `partoo`
    for name, module in stand_ins().items():
        monkeypatch.setitem(sys.modules, name, module)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    # Each of three engines scans everything, which is more than a minute's quota.
    options = {"rate_limit": None} if page.name == "orchestrators.md" else {}
    with served(**options) as variables, asyncio.Runner() as runner:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for block in blocks:
            run_block(page, block, namespace, runner)
            output = capsys.readouterr().out
            if block.output is not None:
                assert prints(block.output, output), f"{by_name(page)}, line {block.line}, prints:\n{output}"


def test_the_nightly_job_is_short() -> None:
    """Scan, names, load, what changed, text: 25 lines of code are enough, what shows them at work included."""
    blocks = [block for block in blocks_of(ROOT / "docs" / "how-to" / "nightly-job.md") if block.language == "python"]
    lines = [line for block in blocks for line in block.text.splitlines() if line.strip()]
    assert 10 < len(lines) <= 25


@each("page", PAGES)
def test_type_checkers_see_every_block(page: Path) -> None:
    """``make types`` checks the code of pages as it is run above: each block, with its lines where they are."""
    module_of = runpy.run_path(str(ROOT / ".ci" / "pages.py"))["module_of"]
    blocks = [block for block in blocks_of(page) if block.language == "python"]
    lines = (module_of(page.read_text(encoding="utf-8")) or "").splitlines()
    for block in blocks:
        text = block.text.splitlines()
        assert [line.removeprefix("    ") for line in lines[block.line : block.line + len(text)]] == text
    assert bool(lines) is bool(blocks)


@each(
    ("expected", "output", "same"),
    [
        ("a\n", "a", True),
        ("a ... c\n", "a b\nb c\n", True),
        ("...", "", True),
        ("a", "ab", False),
        ("a.c", "abc", False),
        ("a ... c", "a c", False),
        ("2 groups, about 0 s", "2 groups, about 31 s", True),
        ("2 groups, about 0 s", "3 groups, about 0 s", False),
        ("2 groups, less than 1 s", "2 groups, about 3 s", True),
        ("2 groups, less than 1 s", "3 groups, about 3 s", False),
        ("2 sections", "3 sections", False),
    ],
)
def test_outputs_are_compared_in_full(expected: str, output: str, same: bool) -> None:
    """The check above would notice a difference: only ``...`` and times stand for other text."""
    assert prints(expected, output) is same


@each("page", PAGES)
def test_fences_are_known(page: Path) -> None:
    """No block escapes the checks by an unusual or missing language, and no fence is left open."""
    blocks = blocks_of(page)
    assert {block.language for block in blocks} <= {"python", "sh", "text", "json"}
    assert len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)) == 2 * len(blocks)


@each("page", PAGES)
def test_commands_on_pages_exist(page: Path) -> None:
    """Every ``partoo ...`` and ``make ...`` in a ``sh`` block is a command line that parses, or a target there is."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in "\n".join(block.text for block in blocks_of(page) if block.language == "sh").splitlines():
        words = re.split(r"[#>|]", line)[0].split()
        if words[:1] == ["partoo"] and words[1:] != ["--help"]:
            assert words[1] in commands, line
            commands[words[1]].make_context(words[1], words[2:]).close()
        if words[:1] == ["make"]:
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line


def run_example(python: Sequence[str], path: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("PARTOO_")}
    return subprocess.run(
        [*python, str(path)],
        env=others | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | variables,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


EXAMPLE_SAYS = {
    "get_group.py": ("a1", "France: 147 businesses"),
    "handle_errors.py": ("404 no such group", ""),
    "scan_sections.py": ("section_id,group_id,group,business_id", "54 groups, 56 requests"),
    "warehouse_duckdb.py": ("Country: France: 147 businesses", ""),
    "warehouse_postgres.py": (": 1737 memberships began, 0 of these have ended", ""),
}


@pytest.fixture
def database(request: pytest.FixtureRequest, path: Path) -> dict[str, str]:
    """The variable with the database of an example that needs one."""
    needs = path.name == "warehouse_postgres.py"
    return {"PARTOO_TO": f"{request.getfixturevalue('postgres')}/postgres"} if needs else {}


@pytest.mark.parametrize("path", EXAMPLES, ids=by_name)
def test_examples_run_on_their_own(quick_python: Sequence[str], path: Path, database: dict[str, str]) -> None:
    """Without the two variables each example runs against an emulator of its own, and without a warning."""
    done = run_example(quick_python, path, database)
    assert done.returncode == 0, done.stderr
    out, err = EXAMPLE_SAYS[path.name]
    assert out in done.stdout
    assert err in done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=by_name)
def test_examples_run_against_a_server(quick_python: Sequence[str], path: Path, database: dict[str, str]) -> None:
    """With the two variables each example talks to the server that they name."""
    with served() as server:
        variables = server | database
        keys = [{}, {"PARTOO_API_KEY": "another"}]
        with ThreadPoolExecutor() as pool:
            done, refused = pool.map(lambda key: run_example(quick_python, path, variables | key), keys)
    assert done.returncode == 0, done.stderr
    # The emulator knows the key, so that this can only come from the server named.
    assert "401" in refused.stdout + refused.stderr or "our API key is refused" in refused.stdout
    assert "Traceback" not in refused.stderr


@each("path", EXAMPLES)
def test_examples_are_short(path: Path) -> None:
    """An example is read in a minute: under 40 lines, and it says at its top what it is for."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") < 40
    assert ast.get_docstring(ast.parse(source))


def tree_in(text: str) -> list[str]:
    """The lines of the drawn error tree, without what the place where it stands adds."""
    lines = [line.rstrip() for line in text.splitlines()]
    start = next(index for index, line in enumerate(lines) if line.strip() == "PartooError")
    end = next(index for index, line in enumerate(lines) if "└── ScanError" in line)
    return textwrap.dedent("\n".join(lines[start : end + 1])).splitlines()


def parents_in(tree: list[str]) -> dict[str, str]:
    """Each class of the tree with its parent, by the depth at which it is drawn."""
    path: list[str] = []
    parents = {}
    for line in tree:
        match = re.match(r"([│├└─ ]*)(\w+)", line)
        assert match is not None, line
        depth = len(match[1]) // 4
        path[depth:] = [match[2]]
        if depth:
            parents[match[2]] = path[depth - 1]
    return parents


def error_classes() -> list[type[errors.PartooError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    return [cls for cls in found if issubclass(cls, errors.PartooError)]


def test_one_error_tree_everywhere() -> None:
    """The tree of docs/errors.md is that of errors.py to the letter, and both are the classes there are."""
    page = tree_in((ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))
    assert page == tree_in(errors.__doc__ or "")
    real = {cls.__name__: cls.__mro__[1].__name__ for cls in error_classes() if cls is not errors.PartooError}
    assert parents_in(page) == real


def test_every_error_has_its_row() -> None:
    """The table of docs/errors.md says of each class when it comes and what to do."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)`(?: \d\w\w)? \|(.+)\|(.+)\|$", page, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(
        cls.__name__ for cls in error_classes() if cls is not errors.PartooError
    )
    assert all(cell.strip() for row in rows for cell in row)


def test_reference_is_complete() -> None:
    """The reference has every public name once, and none that is not there."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: partoo_async\.(\w+)$", page, re.MULTILINE)
    for module in ("models", "resources"):  # which bring their names
        named.remove(module)
    assert sorted([*named, *partoo_async.models.__all__]) == sorted(partoo_async.__all__)
    emulated = re.findall(r"^::: partoo_async\.emulator\.(\w+)$", page, re.MULTILINE)
    assert sorted(emulated) == sorted(emulator.__all__)


def test_tests_that_pages_name_exist() -> None:
    """A promise that names its test is held by it: no name on a page is of a test that is gone or was renamed."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", sources, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    assert named - there == set()
    assert len(named) > 60


def test_readme_opens_with_the_two_commands() -> None:
    """Above ``make demo`` and ``make test`` stand the title, one paragraph and a 12-line example, no more."""
    parts = re.split(r"^```\w*\n", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title, paragraph = parts[0].strip().split("\n\n")
    assert title == "# partoo_async"
    assert "not affiliated with Partoo" in " ".join(paragraph.split())
    example, commands = (block for block in blocks_of(README)[:2])
    assert (example.language, commands.language) == ("python", "sh")
    assert example.text.count("\n") == 12
    assert "Emulator()" in example.text
    assert not parts[2].strip(), "nothing between the example and the commands"
    assert [line.split("#")[0].strip() for line in commands.text.splitlines()] == ["make demo", "make test"]
    assert all(line.partition("#")[2].strip() for line in commands.text.splitlines())


def test_readme_links_lead_somewhere() -> None:
    """Relative links of the README point at files of the repository."""
    links = re.findall(r"\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (ROOT / link.partition("#")[0]).exists()]
    assert not missing
    assert len(links) > 5


def test_tests_on_pages_exist() -> None:
    """Each test that a page names as showing something is one of ours."""
    ours = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    assert named
    assert named <= ours
