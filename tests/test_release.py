"""What a release goes by: its checklist's commands, the workflows, and what is checked before a tag."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def script(name):
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(path):
    document = yaml.safe_load(path.read_text("utf-8"))
    return [step for job in document["jobs"].values() for step in job["steps"]]


def make_targets(text):
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", text))


def test_each_action_is_pinned_by_commit_and_says_its_version():
    """A tag can be moved to other code, a commit cannot."""
    lines = [line for path in WORKFLOWS.values() for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_workflows_run_is_there(name):
    """A workflow runs the commands of a contributor, and nothing of its own."""
    commands = [step["run"] for step in steps(WORKFLOWS[name]) if "run" in step]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [one for one in commands if not re.match(r"make |sudo PATH=\"\$PATH\" bash \.ci/run$", one)] == []
    assert {target for target in make_targets(" ".join(commands)) if f"\n{target}:" not in makefile} == set()


def test_only_the_jobs_that_sign_may_sign():
    """The jobs that run the repository's code get no right to publish; the one that publishes runs none of it."""
    jobs = yaml.safe_load(WORKFLOWS["release"].read_text("utf-8"))["jobs"]
    rights = {name: job["permissions"] for name, job in jobs.items()}
    assert rights == {
        "check": {"contents": "read"},
        "build": {"contents": "read", "id-token": "write", "attestations": "write"},
        "publish": {"id-token": "write"},
    }
    assert [step["uses"].partition("@")[0] for step in jobs["publish"]["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert jobs["publish"]["environment"] == "release"


def test_workflows_run_on_the_supported_pythons():
    supported = script("matrix").supported()
    assert supported[0] == PROJECT["requires-python"].removeprefix(">=")
    for name, job in (("ci", "run"), ("release", "check")):
        jobs = yaml.safe_load(WORKFLOWS[name].read_text("utf-8"))["jobs"]
        assert jobs[job]["strategy"]["matrix"]["python"] == supported
    assert f"| Python | {', '.join(supported)}:" in (ROOT / "docs" / "versions.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["RELEASING.md", "SECURITY.md", "docs/versions.md", "CONTRIBUTING.md"])
def test_the_commands_of_the_pages_are_there(page):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    text = "\n".join(re.findall(r"`make [^`]*`", (ROOT / page).read_text("utf-8")))
    assert make_targets(text)
    assert {target for target in make_targets(text) if f"\n{target}:" not in makefile} == set()


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


# --- make release-check

READY = {
    "version": "0.2.0",
    "changelog": "## [Unreleased]\n\n## [0.2.0] - 2026-01-31\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- First.\n",
    "citation": "title: x\nversion: 0.2.0\n",
}


def test_a_version_that_is_ready_has_no_problem_and_its_notes():
    release = script("release")
    assert release.problems("v0.2.0", **READY) == []
    assert release.notes(READY["changelog"], "0.2.0") == "- A thing."
    assert release.notes(READY["changelog"], "0.1.0") == "- First."


@pytest.mark.parametrize(
    ("tag", "changed", "words"),
    [
        ("0.2.0", {}, "no tag of a version"),
        ("v0.3.0", {}, "pyproject.toml has version 0.2.0, the tag is v0.3.0"),
        ("v0.2.0", {"citation": "version: 0.1.0\n"}, "CITATION.cff"),
        ("v0.2.0", {"changelog": "## [0.2.0]\n\n- A thing.\n"}, "no heading"),
        ("v0.2.0", {"changelog": "## [0.2.0] - 2026-01-31\n"}, "says nothing under"),
        (
            "v0.2.0",
            {"changelog": "## [Unreleased]\n\n- Late.\n\n## [0.2.0] - 2026-01-31\n\n- A thing.\n"},
            "lines under [Unreleased]",
        ),
    ],
)
def test_what_keeps_a_tag_from_being_released_is_said(tag, changed, words):
    assert any(words in problem for problem in script("release").problems(tag, **READY | changed))


def test_this_tree_is_not_released_by_mistake():
    """A tag of a version that nobody wrote up ends the workflow before anything is built."""
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "release.py", "v99.0.0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("not ready: ")
    assert done.stdout == ""


# --- make matrix


def test_each_supported_python_runs_with_both_resolutions_and_the_next_one_with_the_newest():
    matrix = script("matrix")
    assert matrix.plan(["3.11", "3.13", matrix.NEXT], ["newest", "lowest"]) == [
        ("3.11", "newest"),
        ("3.11", "lowest"),
        ("3.13", "newest"),
        ("3.13", "lowest"),
        (matrix.NEXT, "newest"),
    ]


def test_a_python_is_found_by_starting_it(tmp_path, monkeypatch):
    """A name on the PATH may be a shim without a Python behind it; pyenv's own are found beside it."""
    matrix = script("matrix")
    version = "{}.{}".format(*sys.version_info)
    broken = tmp_path / f"python{version}"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    kept = tmp_path / "versions" / f"{version}.10" / "bin"
    kept.mkdir(parents=True)
    (kept / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert matrix.find(version) == str(kept / "python")
    assert matrix.find("3.99") is None


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("...\n==== \x1b[32m12 passed\x1b[0m, 1 skipped in 3.00s ====\n", "12 passed, 1 skipped in 3.00s"),
        ("==== 2 failed, 10 passed in 3.00s ====\nmake: *** [test] Error 1\n", "2 failed, 10 passed in 3.00s"),
        ("installing\nmake: *** [stamp] Error 1\n", "make: *** [stamp] Error 1"),
        ("", "no output"),
    ],
)
def test_a_run_is_summed_up_in_a_line(output, said):
    assert script("matrix").outcome(output) == said
