"""The floor plan, read from the source: each rule lists all that breaks it.

The floors and the order inside rooms are contracts of import-linter in pyproject.toml, which ``make lint`` checks.
Nothing of the package is imported here but in a process of its own.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "partoo_async"

# An annotation each way, and the only circle of them: a ScanError carries a report, whose items carry errors.
CIRCLE = ("errors", "scan.outcomes")

# Library -> the only places that may import it at run time. yarl and multidict come with aiohttp.
OWNERS = {
    "aiohttp": ("_transport", "emulator", "integrations.aiohttp"),
    "yarl": ("_transport", "emulator"),
    "multidict": ("_transport", "emulator"),
    "tenacity": ("_call.retrying",),
    "cattrs": ("_protocol.converters",),
    "orjson": ("_protocol.json", "emulator.http.group_json"),
    "msgspec": ("_protocol.structs",),
    "typer": ("cli",),
    "click": ("cli",),
    "rich": ("cli",),
    "keyring": ("cli.keys",),
    "aiosqlite": ("scan.journal.database",),
    "redis": ("quota.shared.redis_store",),
    "pyarrow": ("scan.arrow",),
    "pandas": ("scan.frames",),
    "polars": ("scan.frames",),
    "opentelemetry": ("telemetry",),
    "pytest": ("testing",),
    "fastapi": ("integrations.fastapi",),
    "django": ("integrations.django",),
    "pydantic_core": ("_internal.schema",),
    "uvloop": ("cli",),
    "distributed": ("distributed.cluster",),
    "dlt": ("warehouse", "integrations.dlt"),
    "sqlalchemy": ("warehouse",),
}

# What ``import partoo_async`` must not load: what only a response, a retry or a command needs, and every extra.
HEAVY = {"cattrs", "msgspec", "tenacity", "typer", "rich", "aiohttp.web", "pyarrow", "pandas", "polars"}
HEAVY |= {"django", "fastapi", "pydantic_core", "opentelemetry", "redis", "distributed", "dlt", "sqlalchemy"}

# A ratchet: what is longer has its reason here.
MAX_FILE_LINES = 300
LONGER_FILES = {
    "client": "all of the public face: each option of each method in its signature and its docstring",
    "scan.outage": "one state machine: its states, its terms, and every change between them",
}
MAX_FUNCTION_LINES = 60
LONGER_FUNCTIONS: dict[str, str] = {}

MOST_ROOT_MODULES = 12


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


def room_of(module: str) -> str:
    return module.partition(".")[0]


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
    # `from partoo_async.scan import outcomes` imports a module, `from partoo_async.scan import Scan` a name.
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


ALL_IMPORTS = [(module, found) for module in SOURCES for found in imports_of(module)]


def graph(*, rooms: bool) -> dict[str, set[str]]:
    """Who imports whom, annotations included, but for the one circle: by module, or by room below the package."""
    found: dict[str, set[str]] = {}
    for module, one in ALL_IMPORTS:
        if one.inside and (module, one.target) != CIRCLE:
            source, target = (room_of(module), room_of(one.target)) if rooms else (module, one.target)
            if source and target and source != target:
                found.setdefault(source, set()).add(target)
    return found


def reduced(edges: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The edges that no longer path replaces."""

    @cache
    def below(node: str) -> frozenset[str]:
        direct = edges.get(node, set())
        return frozenset(direct.union(*(below(one) for one in direct)))

    return {
        (source, target)
        for source, direct in edges.items()
        for target in direct
        if not any(target in below(other) for other in direct - {target})
    }


def test_the_reader_sees_imports() -> None:
    """The rules below rest on this reading of the source: names, modules and types-only imports are told apart."""
    assert any(found.target == "scan.outcomes" and found.types_only for found in imports_of("errors"))
    assert any(found.target == "orjson" and not found.inside for found in imports_of("_protocol.json"))
    assert any(found.target == "_protocol.http" and found.inside for found in imports_of("_protocol.operations"))


def test_the_pages_have_the_floor_plan() -> None:
    """The table in docs/design.md is the contract of import-linter."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| F(\d+) \| (.*?) \|", page, re.MULTILINE)
    told = {name: int(floor) for floor, names in rows for name in re.findall(r"`(\w+)(?:\.py|/)`", names)}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (floors,) = (contract["layers"] for contract in contracts if contract["name"] == "Floors")
    held = {name: floor for floor, names in enumerate(reversed(floors)) for name in names.split(" : ")}
    assert told == held


def test_the_picture_shows_the_imports() -> None:
    """The arrows in CONTRIBUTING.md are who imports whom, without those that a longer way over other rooms replaces."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    drawn = set()
    for line in picture.splitlines():
        if "-->" in line:
            sources, targets = (re.findall(r"\w+", side) for side in line.split("-->"))
            drawn |= {(source, target) for source in sources for target in targets}
    assert drawn == reduced(graph(rooms=True)) - {("__main__", "cli")}


def test_no_import_cycles() -> None:
    """No module needs itself, annotations included; ``CIRCLE`` is the one exception."""
    try:
        TopologicalSorter(graph(rooms=False)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(name or PACKAGE for name in error.args[1]))


def test_the_package_stands_on_top() -> None:
    """Nothing that ``import partoo_async`` loads imports the package itself."""
    loaded = {room_of(found.target) for found in imports_of("")}
    assert [
        f"{module}:{found.line}"
        for module, found in ALL_IMPORTS
        if found.inside and not found.target and room_of(module) in loaded
    ] == []


def test_libraries_have_one_owner() -> None:
    """Each library is imported in its one place, so that replacing it, or a fault in it, concerns one module."""
    known = sys.stdlib_module_names | {"attrs"}
    assert [
        f"{module}:{found.line} imports {found.target}"
        for module, found in ALL_IMPORTS
        if not found.inside
        and not found.types_only
        and (library := found.target.partition(".")[0]) not in known
        and not any(under(module, place) for place in OWNERS.get(library, ()))
    ] == []


def test_every_import_names_a_module_that_exists() -> None:
    """An import of a module that is not there, in a function or for types, would fail only when it is reached."""
    assert [
        f"{module}:{found.line} imports {found.target}"
        for module, found in ALL_IMPORTS
        if found.inside and found.target not in SOURCES
    ] == []


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
        types = isinstance(node, ast.If) and is_type_checking(node.test)
        hidden = isinstance(node, ast.If) and ast.unparse(node.test) == "not TYPE_CHECKING"  # from type checkers
        functions = node.body if hidden else [node]
        lazy = all(isinstance(one, ast.FunctionDef) and one.name in ("__getattr__", "__dir__") for one in functions)
        more = isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == "__all__"
        if not (isinstance(node, ast.ImportFrom) or docstring or names == ["__all__"] or more or lazy or types):
            others.append(f"line {node.lineno}: {type(node).__name__}")
    assert others == []


def test_the_root_shows_what_users_know() -> None:
    """The package's own folder has few modules, and none that is private."""
    modules = [path.stem for path in (ROOT / PACKAGE).glob("*.py") if path.name != "__init__.py"]
    assert [name for name in modules if name.startswith("_") and name != "__main__"] == []
    assert len(modules) <= MOST_ROOT_MODULES


def test_files_are_short() -> None:
    """A file is read in one sitting."""
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in SOURCES.items()}
    assert {module: length for module, length in lengths.items() if length > MAX_FILE_LINES}.keys() == {*LONGER_FILES}


def test_functions_are_short() -> None:
    """A function fits on a screen, its signature and docstring included."""
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in SOURCES
        for node in ast.walk(tree_of(module))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}.keys() == {
        *LONGER_FUNCTIONS
    }


def test_placeholders_have_no_numbers() -> None:
    """SQL takes its parameters by position: of ``?1`` with a sequence Python 3.12 warns, and 3.14 refuses it."""
    assert [module for module, path in SOURCES.items() if re.search(r"\?[0-9]", path.read_text("utf-8"))] == []


def test_import_is_light() -> None:
    """``import partoo_async`` loads neither what only a retry or a command needs, nor any extra."""
    code = "import sys, partoo_async; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert PACKAGE in loaded
    assert loaded & HEAVY == set()


def test_the_tests_mirror_the_tree() -> None:
    """A folder of tests has the name of a room, or is one of these."""
    others = {"support", "hostile", "contract", "typing", "wheel"}
    rooms = {module.replace(".", "/") for module, path in SOURCES.items() if path.name == "__init__.py"}
    folders = {str(path.parent.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("*.py")} - {"."}
    assert sorted(folders - rooms - others) == []
