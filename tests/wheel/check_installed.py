"""Checks the package as a user has it: installed from its wheel, with the source tree out of sight.

Run with ``python -I``: without arguments where only the core dependencies are installed, with ``cli`` where that extra
is too. Not a pytest file: it runs in environments that have no pytest.
"""

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

OPTIONAL = ("typer", "rich", "click", "pyarrow", "aiosqlite", "fastapi", "opentelemetry", "pytest")
INSTALLED = Path(sysconfig.get_path("purelib"), "partoo_async")


def check_files() -> None:
    """The wheel holds the package with its type marker, the metadata, and nothing else."""
    files = importlib.metadata.files("partoo-async") or []
    top = {file.parts[0] for file in files if ".." not in file.parts}  # the command is recorded as ../../../bin/partoo
    expected = {"partoo_async", "_partoo_async_command.py", "_partoo_async_pytest.py"}
    assert {name for name in top if not name.endswith(".dist-info")} - {"__pycache__"} == expected, top
    names = {file.as_posix() for file in files}
    assert {"partoo_async/py.typed", "partoo_async/emulator/http/status_page.html"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names), "the licence is missing"


def check_imports() -> None:
    """Every public name is there, and no optional package was needed or loaded for it."""
    package = importlib.import_module("partoo_async")
    assert Path(package.__file__ or "").parent == INSTALLED, f"not the installed package: {package.__file__}"
    assert (INSTALLED / "py.typed").is_file()
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name, None) is not None, f"{name} is in __all__ and does not import"
    importlib.import_module("partoo_async.emulator")
    loaded = [name for name in OPTIONAL if name in sys.modules]
    assert not loaded, f"importing partoo_async loads {loaded}"
    print(f"{len(package.__all__)} public names import")


def check_journal() -> None:
    """A scan can be recorded with nothing but the core dependencies."""
    code = """
import asyncio, sys
from partoo_async import PartooClient
from partoo_async.emulator import Emulator

async def main():
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as partoo:
        report = await partoo.scan(7, journal=sys.argv[1]).collect()
        report.raise_for_failures()
        print(len(report.items), "groups recorded")

asyncio.run(main())
"""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-I", "-c", code, Path(directory, "scan.db")], timeout=60, check=True)


def check_command(*, with_cli: bool) -> None:
    """``partoo`` works with the extra; without it, it says in words which extra to install."""
    command = Path(sysconfig.get_path("scripts"), "partoo")
    run = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=60, check=False)
    output = run.stdout + run.stderr
    assert "Traceback" not in output, output
    if with_cli:
        assert run.returncode == 0, output
        assert "scan" in output, output
    else:
        assert run.returncode != 0, "partoo ran without the extra?"
        assert "partoo-async[cli]" in output, output
    print("partoo --help:", "works" if with_cli else output.strip())


def main() -> None:
    """Run every check, for the extras that the command line names."""
    with_cli = sys.argv[1:] == ["cli"]
    for name in ("typer", "rich"):
        found = importlib.util.find_spec(name) is not None
        assert found == with_cli, f"{name} is {'' if found else 'not '}installed: not the environment that is meant"
    check_files()
    check_imports()
    check_journal()
    check_command(with_cli=with_cli)
    print("the installed package is as it should be", "with the extra cli" if with_cli else "without extras")


if __name__ == "__main__":
    main()
