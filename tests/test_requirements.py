"""The pinned and hashed lists, and what makes environments of them."""

import importlib.metadata
import importlib.util
import re
import stat
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "requirements" / "environment.py"
LISTS = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "requirements").glob("*.txt"))}


def pins(text: str) -> dict[str, Requirement]:
    """The requirements of a list by name. One that is pinned for two kinds of machine counts as its last line."""
    lines = text.replace("\\\n", "").splitlines()
    wanted = [Requirement(re.sub(r"\s--hash=\S+", "", line)) for line in lines if re.match(r"\w", line)]
    return {canonicalize_name(one.name): one for one in wanted}


def missing_extras(text: str) -> list[str]:
    """Requirements with an extra that distributions of the list have, as far as these are installed here, in which
    the list pins the name without the extra."""
    pinned = pins(text)
    missing = []
    for name, pin in pinned.items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, distribution.requires or ()):
            target = pinned.get(canonicalize_name(requirement.name))
            applies = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in ("", *pin.extras)
            )
            if target is not None and applies and not requirement.extras <= target.extras:
                missing.append(f"{name} wants {requirement}, the list has {target}")
    return missing


def test_there_are_lists():
    assert {"core", "demo", "test", "lowest", "check", "bench", "uv"} <= LISTS.keys()


@pytest.mark.parametrize("name", LISTS)
def test_extras_are_pinned(name):
    """Without its extra in the list, pip takes a requirement for an unpinned one once there is a newer release."""
    assert missing_extras(LISTS[name]) == []


def test_a_list_without_an_extra_is_found():
    stale = LISTS["test"].replace("coverage[toml]==", "coverage==")
    assert any(line.startswith("pytest-cov wants coverage[toml]") for line in missing_extras(stale))


@pytest.mark.parametrize("name", LISTS)
def test_each_line_is_pinned_and_hashed_and_names_no_index(name):
    """A list works with whatever index its reader uses."""
    text = LISTS[name]
    assert [one for one in pins(text).values() if [s.operator for s in one.specifier] != ["=="]] == []
    requirements = re.split(r"\n(?=\w)", text.partition("make lock\n")[2])
    assert [one for one in requirements if "--hash=sha256:" not in one] == []
    assert re.findall(r"://|^-|--(?!hash)\S+|file:| @ |\s/\S+", text, re.MULTILINE) == []


def test_a_version_has_the_same_hashes_in_each_list():
    """A list that was pinned beside a store of few files has too few, and fits no other Python."""
    hashes: dict[tuple[str, str], dict[frozenset[str], str]] = {}
    for name, text in LISTS.items():
        for line in re.findall(r"^\w.*", text.replace("\\\n", ""), re.MULTILINE):
            package, version = re.match(r"([\w.-]+)(?:\[.*?\])?==(\S+)", line).groups()
            hashes.setdefault((package, version), {})[frozenset(re.findall(r"--hash=(\S+)", line))] = name
    assert {what: sorted(lists.values()) for what, lists in hashes.items() if len(lists) > 1} == {}


def test_lowest_versions_are_those_of_the_project_file():
    """`make test RESOLUTION=lowest` runs on the oldest versions that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    bounds = [*project["project"]["dependencies"], *chain(*extras), *project["dependency-groups"]["test"]]
    allowed: dict[str, Version] = {}
    for bound in (Requirement(one) for one in bounds if isinstance(one, str)):
        (specifier,) = bound.specifier
        assert specifier.operator == ">=", bound
        allowed[canonicalize_name(bound.name)] = max(
            Version(specifier.version), allowed.get(canonicalize_name(bound.name), Version("0"))
        )
    lowest = pins(LISTS["lowest"])
    assert {name: Version(next(iter(lowest[name].specifier)).version) for name in allowed} == allowed


# --- what makes the environments


@pytest.fixture(scope="module")
def environment():
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_pip_is_configured_with_is_read(environment):
    """From its files and its environment, of which the latter wins; options of other commands are not for us."""
    listing = """:env:.index-url='https://three.example/simple'
:env:.no-index='true'
download.index-url='https://four.example/simple'
global.cert="/it's/here.pem"
global.index-url='https://one.example/simple'
install.index-url='https://two.example/simple'
global.find-links='\\n/a\\n/b'
"""
    assert environment.pip_configuration(listing) == {
        "index-url": "https://three.example/simple",
        "no-index": "true",
        "cert": "/it's/here.pem",
        "find-links": "\n/a\n/b",
    }


@pytest.mark.parametrize(
    ("options", "environ", "variables"),
    [
        ({}, {}, {}),
        ({"index-url": "http://i/simple"}, {}, {"UV_DEFAULT_INDEX": "http://i/simple"}),
        (
            {"index-url": "http://i", "extra-index-url": "http://x\nhttp://y"},
            {},
            {"UV_INDEX": "http://i http://x", "UV_DEFAULT_INDEX": "http://y", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ({"find-links": "/a /b"}, {}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"trusted-host": "a b:1"}, {}, {"UV_INSECURE_HOST": "a b:1"}),
        ({"proxy": "http://p:8080"}, {}, {"HTTP_PROXY": "http://p:8080", "HTTPS_PROXY": "http://p:8080"}),
        ({"proxy": "http://p"}, {"HTTPS_PROXY": "http://q"}, {"HTTP_PROXY": "http://p", "HTTPS_PROXY": "http://p"}),
        ({"cert": "/c.pem"}, {"REQUESTS_CA_BUNDLE": "/r.pem"}, {"SSL_CERT_FILE": "/c.pem"}),
        ({}, {"REQUESTS_CA_BUNDLE": "/r.pem"}, {"SSL_CERT_FILE": "/r.pem"}),
        ({"cert": str(ROOT)}, {}, {"SSL_CERT_DIR": str(ROOT)}),
        ({"client-cert": "/k.pem"}, {}, {"SSL_CLIENT_CERT": "/k.pem"}),
        ({"timeout": "60"}, {}, {"UV_HTTP_TIMEOUT": "60"}),
        ({"index-url": "http://i"}, {"UV_DEFAULT_INDEX": "http://mine"}, {}),
    ],
)
def test_uv_is_told_what_pip_knows(environment, options, environ, variables):
    told, flags = environment.uv_configuration(options, environ)
    assert told == {**variables, "UV_PYTHON_DOWNLOADS": "never"}
    assert flags == []


def test_uv_is_told_to_use_no_index(environment):
    assert environment.uv_configuration({"no-index": "1"}, {})[1] == ["--no-index"]


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """A folder that is first on the PATH, whose programs note how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def put_uv(folder, version, status=0):
    program = folder / "uv"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "uv {version} (abc 2026-01-01)"; exit; }}\n'
        f'echo "$UV_DEFAULT_INDEX $*" >>{folder}/calls\nexit {status}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def pip_calls(environment, bin_folder, monkeypatch, tmp_path):
    """What would be done with pip, and nothing of it done; `pip config list` knows one index."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"global.index-url='http://localhost:1/simple'\"\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(python))
    calls = []

    def make_venv(folder):
        calls.append(("venv", folder.name))
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(python)
        return folder / "bin" / "python"

    monkeypatch.setattr(environment, "make_venv", make_venv)
    monkeypatch.setattr(environment, "pip", lambda _, *arguments: calls.append(tuple(map(str, arguments))))
    monkeypatch.setattr(environment, "TOOLS", tmp_path / "tools")
    return calls


LIST = ROOT / "requirements" / "core.txt"


def test_a_recent_uv_on_the_path_makes_the_environment(environment, bin_folder, pip_calls, tmp_path, capsys):
    put_uv(bin_folder, "0.13.9")
    environment.make(tmp_path / "env", LIST)
    venv, requirements, package = (bin_folder / "calls").read_text().splitlines()
    assert venv == f"http://localhost:1/simple venv -q --no-project --python {sys.executable} {tmp_path}/env"
    assert requirements.endswith(f"--python {tmp_path}/env/bin/python --require-hashes -r {LIST}")
    assert package.endswith(f"--no-deps --no-build-isolation -e {ROOT}")
    assert pip_calls == []
    said = capsys.readouterr().err
    assert re.search(r"Making .*env with Python 3\.\d+\.\d+.*\n  installing \d\d packages with uv", said)


def test_an_old_uv_on_the_path_is_passed_over(environment, bin_folder, pip_calls, tmp_path):
    """The one that the list pins is fetched once, by pip, which reads its own configuration."""
    put_uv(bin_folder, "0.8.22")
    for _ in range(2):
        environment.find_uv()
    assert pip_calls == [("venv", "tools"), ("--require-hashes", "-r", str(ROOT / "requirements" / "uv.txt"))]


def test_pip_does_what_uv_cannot(environment, bin_folder, pip_calls, tmp_path, capsys):
    put_uv(bin_folder, "0.13.9", status=2)
    environment.make(tmp_path / "env", LIST, tmp_path / "one.whl")
    assert pip_calls == [
        ("venv", "env"),
        ("--require-hashes", "-r", str(LIST)),
        ("--no-deps", str(tmp_path / "one.whl")),
    ]
    assert "with pip" in capsys.readouterr().err


def test_a_python_that_cannot_make_environments_says_what_to_install(environment, monkeypatch, tmp_path):
    """Debian's python3 comes without ensurepip."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else sys)
    with pytest.raises(SystemExit, match=r"'apt install python3\.\d+-venv' brings them") as caught:
        environment.make_venv(tmp_path / "env")
    assert "\n" not in str(caught.value)


def test_an_old_python_is_told_so():
    """make needs no more than a word about which Python to name."""
    done = subprocess.run(
        ["make", "test", "PYTHON=false"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer, and 'false' is not one" in done.stderr
