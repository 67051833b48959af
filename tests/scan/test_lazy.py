"""Scans are loaded when they are asked for; whoever asks cannot tell."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import partoo_async
from partoo_async import scan
from partoo_async.scan.diff import changes
from partoo_async.scan.diff import compare as diff

ROOT = Path(__file__).parents[2]


def loaded(code: str) -> set[str]:
    """Which modules of ours a fresh interpreter has after it ran this."""
    code += "\nimport sys; print([name for name in sys.modules if name.startswith('partoo_async')])"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return set(ast.literal_eval(done.stdout))


def test_a_program_that_only_makes_calls_loads_no_scans() -> None:
    """Neither the package nor a client needs them."""
    code = "from partoo_async import Group, PartooClient, ScanError\nPartooClient('key')"
    assert not [name for name in loaded(code) if name.startswith("partoo_async.scan")]


def test_a_program_that_scans_loads_no_comparison() -> None:
    """What compares scans, and what scans many organizations, is loaded apart from what makes one."""
    code = "from partoo_async import PartooClient\nPartooClient('key').scan(7), PartooClient('key').scan_all()"
    modules = loaded(code)
    assert "partoo_async.scan.worker_pool" in modules
    assert not modules & {
        "partoo_async.scan.diff.compare",
        "partoo_async.scan.diff.changes",
        "partoo_async.scan.diff.snapshots",
        "partoo_async.scan.summary",
        "partoo_async.scan.many",
    }


def test_each_name_is_the_same_wherever_it_is_taken_from() -> None:
    """The package, its part, and the module that defines it; and each is found at once from then on."""
    assert partoo_async.diff_scans is scan.diff_scans is diff.diff_scans
    assert partoo_async.ScanDiff is scan.ScanDiff is changes.ScanDiff
    assert partoo_async.ScanItem is scan.ScanItem
    assert {"diff_scans", "ScanDiff", "ScanItem"} <= vars(partoo_async).keys()


def test_the_part_itself_is_found() -> None:
    """``partoo_async.scan`` is there without an import of its own, as parts of a package are once they are loaded."""
    assert "partoo_async.scan.outcomes" in loaded("import partoo_async; partoo_async.scan.ScanItem")


def test_every_name_is_listed_before_it_is_loaded() -> None:
    """dir(), for completion at a prompt, and ``import *`` have all names, whether they are there yet or not."""
    code = """
import partoo_async, partoo_async.scan
for package in (partoo_async, partoo_async.scan):
    assert {*package.__all__} <= {*dir(package)}, package
    assert dir(package) == sorted(dir(package))
    names = {}
    exec(f"from {package.__name__} import *", names)
    assert {*package.__all__} <= names.keys(), package
"""
    assert "partoo_async.scan.diff.compare" in loaded(code)


def test_a_name_that_is_not_there() -> None:
    """A mistake is the usual error, and ``hasattr`` works."""
    assert not hasattr(scan, "nonsense")
    assert not hasattr(partoo_async, "nonsense")
