"""What is installed, and how to install it with an extra."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from partoo_async._internal.version import get_version, install_command

ROOT = Path(__file__).parents[2]


class Distribution:
    """An installed one, of which is known where it came from."""

    version = "1.2.3"

    def __init__(self, source: object) -> None:
        self._source = source

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self._source is None else json.dumps(self._source)


@pytest.mark.parametrize(
    ("source", "command"),
    [
        pytest.param(None, "pip install 'partoo-async[arrow]'", id="an index"),
        pytest.param({"url": "file:///a%20b/c", "dir_info": {}}, "pip install '/a b/c[arrow]'", id="a folder"),
        pytest.param(
            {"url": ROOT.as_uri(), "dir_info": {"editable": True}}, "pip install '.[arrow]'", id="this folder"
        ),
        pytest.param(
            {"url": "file:///c/p-1-py3-none-any.whl", "archive_info": {}},
            "pip install 'partoo-async[arrow] @ file:///c/p-1-py3-none-any.whl'",
            id="a wheel",
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came(
    source: object, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in a message works as it stands, whether the package is on an index or not."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Distribution(source))
    assert install_command("arrow") == command


def test_a_checkout_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has no version that can be known, and is installed from where it lies."""

    def missing(_: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert install_command("cli") == f"pip install '{ROOT}[cli]'"
    assert get_version.__wrapped__() == "0+unknown"


def test_the_version_is_that_of_the_project_file() -> None:
    """One place says it."""
    assert f'version = "{get_version()}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
