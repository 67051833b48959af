"""Makes the clients that generators make, from the OpenAPI document of the emulator, anew for each run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_DOCUMENT = Path(__file__).parent.parent / "tests" / "contract" / "openapi.yaml"


def _openapi_python_client(path: Path) -> list[str]:
    package = path / "partoo_by_openapi_python_client"
    options = ["--meta", "none", "--path", str(_DOCUMENT), "--output-path", str(package)]
    return ["openapi-python-client", "generate", *options]


def _openapi_generator(path: Path) -> list[str]:
    package = "--additional-properties=packageName=partoo_by_openapi_generator"
    return [
        *("openapi-generator-cli", "generate", "-g", "python", "--library", "asyncio", package),
        *("-i", str(_DOCUMENT), "-o", str(path)),
    ]


# Two clients of one generator are one package.
_GENERATORS = {
    "openapi_python_client": _openapi_python_client,
    "openapi_generator": _openapi_generator,
    "openapi_generator_lean": _openapi_generator,
}


def generate(clients: Collection[str], path: Path) -> Iterator[str]:
    """Generate those of the clients that are generated, as packages in ``path``; yield why one could not be."""
    for generator in dict.fromkeys(_GENERATORS[client] for client in clients if client in _GENERATORS):
        name, *options = generator(path)
        program = Path(sys.executable).with_name(name)
        if not program.exists():
            yield f"{name} is not installed."
            continue
        done = subprocess.run(
            [str(program), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            yield f"{name} failed: {done.stdout.strip()}"
