"""The floor plan, held by reading the source: who may import whom, who owns which library, and how long things may be.

Nothing of the package is imported here but in processes of their own.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.each import each

ROOT = Path(__file__).parent.parent
PACKAGE = "partoo_async"

# Bottom up; the first part of a module's name below the package decides. The package itself re-exports what its users
# need, so it stands as high as the highest name that it offers.
FLOORS = {
    "errors": 0,
    "_internal": 1,
    "models": 1,
    "servers": 1,
    "policy": 1,
    "events": 1,
    "_protocol": 2,
    "_transport": 3,
    "quota": 3,
    "_call": 4,
    "session": 4,
    "resources": 5,
    "scan": 6,
    "client": 7,
    "": 7,
    "emulator": 8,
    "distributed": 8,
    "exports": 8,
    "testing": 8,
    "integrations": 8,
    "telemetry": 8,
    "cli": 9,
    "__main__": 9,
}

# (importer, imported) -> why; for annotations only.
UPWARD_TYPES = {
    ("errors", "scan.outcomes"): "ScanError carries a report, and errors are the ground floor",
}

# Library -> the only places that may import it at run time. yarl and multidict come with aiohttp.
OWNERS = {
    "aiohttp": ("_transport", "emulator", "integrations.aiohttp"),
    "yarl": ("_transport", "emulator"),
    "multidict": ("_transport", "emulator"),
    "tenacity": ("_call.retrying",),
    "cattrs": ("_protocol.converters",),
    "orjson": ("_protocol.json",),
    "typer": ("cli",),
    "click": ("cli",),
    "rich": ("cli",),
    "aiosqlite": ("scan.journal.database",),
    "redis": ("quota",),
    "distributed": ("distributed",),
    "dask": ("distributed",),
    "pyarrow": ("scan.arrow",),
    "opentelemetry": ("telemetry",),
    "pytest": ("testing",),
    "fastapi": ("integrations.fastapi",),
    "pydantic_core": ("_internal.schema",),
    "uvloop": ("cli",),
}

# What installs with the package without extras; everything else is a standard module or one of OWNERS.
UNOWNED = {"attrs"}

# A ratchet: what is longer needs a reason.
MAX_FILE_LINES = 300
LONGER: dict[str, tuple[int, str]] = {
    "scan.outage": (330, "one state machine: its states, its terms, and every change between them"),
    "_call.call": (340, "one call from admission to result, which share its state; read in one go"),
}
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Import:
    """One import statement's target, seen from inside the package where it points there."""

    target: str
    inside: bool
    types_only: bool
    line: int


def module_name(path: Path) -> str:
    """The dotted name below the package: "" for the package itself, "quota" for quota/__init__.py."""
    parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def under(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def floor_of(module: str) -> int:
    return FLOORS[module.partition(".")[0]]


def is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def type_only_nodes(tree: ast.Module) -> set[ast.AST]:
    """Every node in the body of an ``if TYPE_CHECKING:``; its ``else`` runs."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and is_type_checking(node.test)]
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The dotted name that ``from ... import`` reads from, a relative one resolved."""
    if not node.level:
        return node.module or ""
    is_package = SOURCES[module].name == "__init__.py"
    parts = [PACKAGE, *(module.split(".") if module else [])]
    base = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def targets(module: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    source = absolute(module, node)
    # `from partoo_async.scan import report` imports a module, `from partoo_async.scan import Scan` a name.
    names = [f"{source}.{alias.name}" for alias in node.names]
    found = [name if name.removeprefix(PACKAGE + ".") in SOURCES else source for name in names]
    return sorted(set(found))


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    tree = tree_of(module)
    types_only = type_only_nodes(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for target in targets(module, node):
                inside = target == PACKAGE or target.startswith(PACKAGE + ".")
                name = target.removeprefix(PACKAGE).removeprefix(".") if inside else target
                found.append(Import(name, inside, node in types_only, node.lineno))
    return tuple(found)


def functions_of(module: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


every_module = each("module", SOURCES)


def test_the_reader_sees_imports() -> None:
    """The checks below rest on this reading of the source: names, modules and types-only imports are told apart."""
    assert Import("errors", True, False, 1) in [
        Import(found.target, found.inside, found.types_only, 1) for found in imports_of("_protocol.statuses")
    ]
    assert any(found.target == "scan.outcomes" and found.types_only for found in imports_of("errors"))
    assert any(found.target == "orjson" and not found.inside for found in imports_of("_protocol.json"))


@every_module
def test_every_module_has_a_floor(module: str) -> None:
    """A new module is put on the floor plan before anything imports it."""
    assert module.partition(".")[0] in FLOORS


def test_the_page_has_the_floor_plan() -> None:
    """Who reads docs/design.md sees the plan that is held here; ``distributed`` is on it before there is one."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| F(\d) \| (.*?) \|", page, re.MULTILINE)
    told = {name: int(floor) for floor, names in rows for name in re.findall(r"`(\w+)(?:\.py|/)`", names)}
    assert told == {name: floor for name, floor in FLOORS.items() if name not in {"", "distributed"}}


@every_module
def test_imports_point_down_or_sideways(module: str) -> None:
    """A module imports only what lies on its floor or below, annotations included."""
    upward = [
        f"line {found.line}: {found.target or PACKAGE}"
        for found in imports_of(module)
        if found.inside
        and floor_of(found.target) > floor_of(module)
        and not (found.types_only and (module, found.target) in UPWARD_TYPES)
    ]
    assert not upward


@every_module
def test_libraries_have_one_owner(module: str) -> None:
    """Each library is imported in its one place, so that replacing it, or a fault in it, concerns one module."""
    strangers = [
        f"line {found.line}: {found.target}"
        for found in imports_of(module)
        if not found.inside
        and not found.types_only
        and (library := found.target.partition(".")[0]) not in sys.stdlib_module_names | UNOWNED
        and not any(under(module, place) for place in OWNERS.get(library, ()))
    ]
    assert not strangers


@every_module
def test_the_emulator_shares_no_wire_code(module: str) -> None:
    """The emulator takes only the vocabulary from the client, else both sides could share one mistake."""
    if not under(module, "emulator"):
        return
    shared = [
        found.target
        for found in imports_of(module)
        if found.inside and not under(found.target, "emulator") and (found.target == "" or floor_of(found.target) > 1)
    ]
    assert not shared


def test_no_import_cycles() -> None:
    """No module needs itself: what runs, inside functions or not, can be imported from any end."""
    graph = {
        module: {found.target for found in imports_of(module) if found.inside and not found.types_only}
        for module in SOURCES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(name or PACKAGE for name in error.args[1]))


def test_every_import_names_a_module_that_exists() -> None:
    """An import of a module that is not there, in a function or for types, would fail only when it is reached."""
    missing = [
        f"{module}:{found.line}: {found.target}"
        for module in SOURCES
        for found in imports_of(module)
        if found.inside and found.target not in SOURCES
    ]
    assert not missing


def test_the_package_only_re_exports() -> None:
    """``__init__`` holds imports, ``__all__`` and at most the lazy ``__version__``: no behaviour hides there."""
    others = []
    for node in tree_of("").body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        names = (
            [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
        lazy = isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__")
        types = isinstance(node, ast.If) and is_type_checking(node.test)
        if not (isinstance(node, ast.ImportFrom) or docstring or names == ["__all__"] or lazy or types):
            others.append(f"line {node.lineno}: {type(node).__name__}")
    assert not others


@every_module
def test_files_are_short(module: str) -> None:
    """A file is read in one sitting."""
    most, _ = LONGER.get(module, (MAX_FILE_LINES, ""))
    assert len(SOURCES[module].read_text(encoding="utf-8").splitlines()) <= most


@every_module
def test_functions_are_short(module: str) -> None:
    """A function fits on a screen, its signature and docstring included."""
    lengths = {
        f"{node.name}, line {node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for node in functions_of(module)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


@each(
    "library",
    [
        "tenacity",
        "typer",
        "rich",
        "aiohttp.web",
        "redis",
        "distributed",
        "pyarrow",
        "fastapi",
        "pydantic_core",
        "opentelemetry",
    ],
)
def test_import_is_light(library: str, imported: frozenset[str]) -> None:
    """``import partoo_async`` loads neither what only a retry or a command needs, nor any extra."""
    assert library not in imported


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    """The names of the modules that a fresh interpreter holds after ``import partoo_async``."""
    code = "import sys, partoo_async; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    names = frozenset(done.stdout.split())
    assert PACKAGE in names
    return names
