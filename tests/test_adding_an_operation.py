"""The steps of CONTRIBUTING.md, "Adding an operation", done to a copy of the package: they are all that is needed."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
STEP = re.compile(r"^(\d)\. `([^`]+)`(.*?)^    ```(?:python|yaml)\n(.*?)^    ```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str, str]]:
    """Of each step the file, what is said, and the code."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding an operation")[2]
    found = STEP.findall(page)
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    return [(path, said, textwrap.dedent(code)) for _, path, said, code in found]


def added(source: str, said: str, code: str) -> str:
    """The file with the code: at the end of the class that the step names, else at its own end."""
    lines = source.splitlines()
    if "`__all__`" in said:
        (name,) = (node.name for node in ast.parse(code).body if isinstance(node, (ast.ClassDef, ast.FunctionDef)))
        lines.append(f'__all__ += ["{name}"]')
    cls = re.search(r"class `(\w+)`", said)
    if cls is None:
        return "\n".join([*lines, code])
    ((last, indent),) = (
        (node.end_lineno or 0, "    ")
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == cls[1]
    )
    return "\n".join([*lines[:last], "", textwrap.indent(code, indent), *lines[last:]])


USE = '''
import asyncio
import partoo_async
from partoo_async import APIResponseValidationError, Owner, PartooClient
from partoo_async.emulator import Emulator
from partoo_async.resources import Sections
from partoo_async.testing import MockResponse, MockTransport


async def strict():
    """Unknown fields, missing ones and wrong types are refused."""
    bodies = [{"id": 1, "name": "Ada", "age": 7}, {"id": 1}, {"id": "1", "name": "Ada"}, {"id": True, "name": "Ada"}]
    for body in bodies:
        transport = MockTransport(lambda _, body=body: MockResponse(json=body))
        async with PartooClient("key", transport=transport, strict=True) as client:
            try:
                print(await client.sections.owner(7))
            except APIResponseValidationError:
                print("refused")


async def main():
    events = []
    async with Emulator() as emulator:
        options = {"server": emulator.server, "cache_ttl": 60, "on_event": events.append}
        async with PartooClient(emulator.api_key, **options) as client:
            first, other = [await client.sections.owner(section) for section in list(emulator.sections)[:2]]
            section, beside = list(emulator.sections)[:2]
            assert await client.sections.owner(section) is first
            await client.sections.update(section, name="Anew")
            assert (await client.sections.owner(section)).name == "Owner of Anew"
            assert await client.sections.owner(beside) is other
            print(type(first).__name__, [event.template for event in events])
    await strict()
    assert "Owner" in partoo_async.__all__
    assert Sections.owner.__doc__ and Owner.__doc__


asyncio.run(main())
'''


def test_the_steps_are_enough(tmp_path: Path) -> None:
    """An operation that is added so is strict, documented, cached, dropped by writes to its own section alone,
    traced by its template and served by the emulator."""
    told = steps()
    assert len(told) <= 6
    shutil.copytree(ROOT / "partoo_async", tmp_path / "partoo_async", ignore=shutil.ignore_patterns("__pycache__"))
    for path, said, code in told:
        if path.endswith(".py"):
            file = tmp_path / path
            file.write_text(added(file.read_text(encoding="utf-8"), said, code), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    owner, update = "GET /sections/{section_id}/owner", "POST /sections/{section_id}"
    assert done.stdout.splitlines() == [f"Owner {[owner, owner, update, owner]}", *["refused"] * 4], done.stderr


def test_the_last_step_is_what_the_contract_lacks() -> None:
    """The emulator's document gets the same method and path."""
    path, _, code = steps()[-1]
    document = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    ((route, methods),) = yaml.safe_load(code).items()
    assert route not in document["paths"]
    assert 'serves("GET", "' + route + '")' in steps()[-2][2]
    assert [*methods] == ["get"]


@pytest.mark.parametrize("page", ["partoo_async.models", "partoo_async.resources"])
def test_the_reference_shows_what_is_added(page: str) -> None:
    """Models and the methods of resources are on the page without being named there."""
    assert f"::: {page}\n" in (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
