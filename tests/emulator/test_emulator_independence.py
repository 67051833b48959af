"""The emulator is an independent reading of the API."""

from __future__ import annotations

import ast
from pathlib import Path

import partoo_async.emulator

ALLOWED = {"errors", "servers", "policy", "emulator", "_internal"}


def test_the_emulator_shares_no_wire_code_with_the_client() -> None:
    """Of this package it imports names, errors and tools only, so that no misreading cancels out."""
    for path in Path(partoo_async.emulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name.split(".")[1:2] for name in names if name.split(".")[0] == "partoo_async"]
            assert all(part and part[0] in ALLOWED for part in ours), path.name
