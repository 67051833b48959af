"""The parts of the emulator, of which each imports as little as it can."""

from __future__ import annotations

import ast
from pathlib import Path

import partoo_async.emulator

# What a part may import of the emulator, besides itself.
PARTS = {
    "behaviour": (),
    "domain_errors": (),
    "data": ("behaviour", "domain_errors"),
    "arguments": ("behaviour", "data"),
    "rate_limiters": ("arguments", "domain_errors"),
    "http": ("behaviour", "data", "domain_errors", "rate_limiters"),
    "faults": ("behaviour", "http.http_io"),
}


def test_the_parts_stand_in_one_order() -> None:
    """Each part imports of the others what its ``__init__`` says, annotations included, so that none leads back."""
    root = Path(partoo_async.emulator.__file__).parent
    wrong = []
    for path in root.rglob("*.py"):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        part = name.partition(".")[0]
        if part in ("__init__", "emulator"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("partoo_async.emulator"):
                continue
            targets = [f"{node.module}.{alias.name}".removeprefix("partoo_async.emulator.") for alias in node.names]
            allowed = tuple(f"{place}." for place in (part, *PARTS[part]))
            wrong += [f"{name} imports {target}" for target in targets if not f"{target}.".startswith(allowed)]
    assert not wrong
