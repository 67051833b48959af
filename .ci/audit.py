"""Looks the pinned versions up among known vulnerabilities, as far as there is somebody to ask: make audit.

Exit status: 1 for a vulnerable version, 2 when the tool itself fails, 0 otherwise, which includes that no source of
advisories could be reached. That is then said, and is not the same as all being well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LISTS = sorted((Path(__file__).parents[1] / "requirements").glob("*.txt"))
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "Max retries exceeded")


def verdict(output: str, errors: str) -> tuple[int, str]:
    """Return the exit status and what to say about the output of one run of pip-audit."""
    try:
        found = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if any(word in errors for word in UNREACHABLE):
            return 0, "not checked: no source of advisories can be reached from here"
        return 2, f"pip-audit failed:\n{errors[-2000:]}"
    vulnerable = [
        f"{one['name']} {one['version']}: {bug['id']}, mended in {', '.join(bug['fix_versions']) or 'no version yet'}"
        for one in found
        for bug in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in found if "skip_reason" in one]
    if vulnerable:
        return 1, "vulnerable:\n  " + "\n  ".join(vulnerable)
    if len(unknown) == len(found):
        return 0, "not checked: the source of advisories knows none of these packages"
    but = f"; not checked: {', '.join(unknown)}" if unknown else ""
    return 0, f"{len(found) - len(unknown)} of {len(found)} packages looked up, no known vulnerability{but}"


def main() -> int:
    """Check every list of requirements; return the worst exit status."""
    worst = 0
    for path in LISTS:
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", *options, "-r", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - nothing from outside
        status, text = verdict(done.stdout, done.stderr)
        sys.stdout.write(f"{path.name}: {text}\n")
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main())
