"""Checks that a version is ready to be tagged, and prints its notes: make release-check TAG=v0.2.0."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(changelog: str, version: str) -> str:
    """Return what the changelog says of a version, "" if nothing."""
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def problems(tag: str, *, version: str, changelog: str, citation: str) -> list[str]:
    """Return what keeps a tag from being released: one sentence each, none if it is ready.

    Args:
        tag: Such as "v0.2.0".
        version: That of pyproject.toml.
        changelog: The text of CHANGELOG.md.
        citation: The text of CITATION.cff.
    """
    found = []
    if not re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag):
        found.append(f"{tag!r} is no tag of a version: it has to look like v0.2.0, or v0.2.0rc1")
    if tag != f"v{version}":
        found.append(f"pyproject.toml has version {version}, the tag is {tag}")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no heading '## [{version}] - YYYY-MM-DD'")
    elif not notes(changelog, version):
        found.append(f"CHANGELOG.md says nothing under [{version}]")
    if notes(changelog, "Unreleased"):
        found.append("CHANGELOG.md has lines under [Unreleased]: they belong to this version")
    if not re.search(rf"^version: {re.escape(version)}$", citation, re.MULTILINE):
        found.append(f"CITATION.cff does not have 'version: {version}'")
    return found


def main(tag: str) -> int:
    """Print the problems, or the notes of the version if there are none."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    found = problems(tag, version=version, changelog=changelog, citation=citation)
    sys.stderr.writelines(f"not ready: {problem}\n" for problem in found)
    if not found:
        sys.stdout.write(notes(changelog, version) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
