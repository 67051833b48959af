"""The long runs in short: the soak, the fuzz targets over their corpora, the audit, and what libraries have to be."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from fuzz.targets import TARGETS
from tests.hostile.check import row

ROOT = Path(__file__).parents[2]
# For aiohttp the release that mends the last known weakness of its client side; for the others the least that is asked
# for on purpose.
LEAST = {"aiohttp": (3, 14, 3), "orjson": (3, 10), "cattrs": (24, 1), "attrs": (25, 1), "tenacity": (9, 0)}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.soak)])
def test_a_short_soak(seconds: int) -> None:
    """50 callers and three scans in bad weather: every outcome is accounted for, and nothing is left or grows.
    A second is not enough to use up the quota; the minute is."""
    done = run("-W", "error::ResourceWarning", "-m", "benchmarks.soak", "--seconds", str(seconds))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all is well\n")
    # An outage that makes a scan hold is told, with its reason; what nobody took care of comes with a traceback.
    assert not re.search("Traceback|Warning|never retrieved", done.stderr), done.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_of_each_fuzz_target(name: str) -> None:
    """What a fuzzer begins with is no finding; a finding that was mended goes into the corpus, and stays mended."""
    inputs = list((ROOT / "fuzz" / "corpus" / name).iterdir())
    assert len(inputs) >= 3
    for path in inputs:
        TARGETS[name](path.read_bytes())


def test_least_versions() -> None:
    """The package asks for versions without known vulnerabilities, and the pinned ones are not older than that."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = (ROOT / "requirements" / "core.txt").read_text(encoding="utf-8")
    for name, least in LEAST.items():
        (least_asked,) = (re.fullmatch(rf"{name}>=([\d.]+)", one) for one in asked if one.startswith(name + ">"))
        (exact,) = re.findall(rf"^{name}==([\d.]+)", pinned, re.MULTILINE)
        assert least_asked is not None
        assert numbers(exact) >= numbers(least_asked[1]) >= least


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


PURE = {f"{name}_NO_EXTENSIONS": "1" for name in ("AIOHTTP", "MULTIDICT", "YARL", "FROZENLIST", "PROPCACHE")}


@row(44)
def test_without_extensions_in_c() -> None:
    """All of it holds where aiohttp was installed without its parser in C, with one exception that is marked."""
    tests = Path(__file__).with_name("test_framing.py")
    plugins = ["-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin"]
    done = run("-m", "pytest", "-q", *plugins, str(tests), **PURE, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_no_optional_extension_is_needed() -> None:
    """Where aiohttp and its companions are pure Python the client works all the same."""
    script = """
import asyncio, aiohttp.http_parser
from tests.hostile.check import FRANCE, LINE, UNREADABLE, check, played
from partoo_async import APIConnectionError, APIResponseValidationError

assert aiohttp.http_parser.HttpResponseParser is aiohttp.http_parser.HttpResponseParserPy

async def main():
    await check(played("informational"), FRANCE, 1)
    await check(played("negative_length"), APIConnectionError, UNREADABLE)
    await check(played("close_in_body"), APIConnectionError, LINE)
    await check(played("cut_gzip"), APIResponseValidationError, UNREADABLE)

asyncio.run(main())
"""
    done = run("-W", "error", "-c", script, **PURE)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = {"name": "yarl", "version": "1.25", "vulns": []}
BAD = {"name": "aiohttp", "version": "3.0", "vulns": [{"id": "CVE-1", "fix_versions": ["3.14.3"]}]}
SKIPPED = {"name": "attrs", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "errors", "status", "text"),
    [
        ([GOOD], "", 0, "1 of 1 packages looked up, no known vulnerability"),
        ([GOOD, SKIPPED], "", 0, "1 of 2 packages looked up, no known vulnerability; not checked: attrs"),
        ([GOOD, BAD, SKIPPED], "", 1, "vulnerable:\n  aiohttp 3.0: CVE-1, mended in 3.14.3"),
        ([SKIPPED], "", 0, "not checked: the source of advisories knows none of these packages"),
        (None, "requests.exceptions.ConnectionError: x", 0, "not checked: no source of advisories can be reached"),
        (None, "usage: pip-audit", 2, "pip-audit failed:\nusage: pip-audit"),
    ],
)
def test_what_the_audit_says(
    audit: ModuleType, found: list[object] | None, errors: str, status: int, text: str
) -> None:
    """A vulnerable version fails; that nothing could be looked up does not, and is not told as good news."""
    output = "" if found is None else json.dumps({"dependencies": found, "fixes": []})
    code, said = audit.verdict(output, errors)
    assert code == status
    assert said.startswith(text)
