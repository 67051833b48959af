"""The two OpenAPI documents: ours, and the official one where it is at hand. Neither is written by the other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
BESIDE_THE_REPOSITORY = HERE.parents[2] / "shared" / "spec" / "get-group.openapi.yaml"


def load(path: Path) -> dict[str, Any]:
    """Return a document with every reference replaced by what it points at."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            target = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolved(target)
        return {key: resolved(value) for key, value in node.items()}

    return resolved(document)


def ours() -> dict[str, Any]:
    """Return the document that the emulator is held to."""
    return load(HERE / "openapi.yaml")


def official() -> dict[str, Any]:
    """Return the official document, or skip the test that asks for it: it is Partoo's, and not in this repository."""
    named = os.environ.get("PARTOO_OFFICIAL_SPEC")
    path = Path(named) if named else BESIDE_THE_REPOSITORY
    if not path.is_file():
        pytest.skip("the official OpenAPI document is not here; PARTOO_OFFICIAL_SPEC can say where it is")
    return load(path)


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the operations by method and path, each with the parameters of its path among its own."""
    found = {}
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            operation = dict(item[method])
            operation["parameters"] = [*item.get("parameters", []), *operation.get("parameters", [])]
            found[method.upper(), path] = operation
    return found
