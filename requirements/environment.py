"""Make a virtual environment of a pinned and hashed list: by uv where it can be had, else by pip, from the same list.

    python requirements/environment.py make FOLDER LIST [WHEEL]    # with the source tree in it, or with that wheel
    python requirements/environment.py uv ARGUMENTS ...            # run uv with what pip is configured with

Nothing is needed beforehand but Python with venv. uv is the one on the PATH if that is recent enough; else pip puts the
one that requirements/uv.txt pins into the environment `tools` beside FOLDER, once.
"""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv" / "{}.{}".format(*sys.version_info) / "tools"
UV_LIST = ROOT / "requirements" / "uv.txt"
LEAST_UV = (0, 9)
"""The first release that was tried with these lists."""

# What pip calls it, what uv calls it, and what stands between two values. pip separates them by white space.
_HANDED_ON = (
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("default-timeout", "UV_HTTP_TIMEOUT", " "),
    ("timeout", "UV_HTTP_TIMEOUT", " "),
    ("client-cert", "SSL_CLIENT_CERT", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("proxy", "HTTP_PROXY", " "),
    ("proxy", "HTTPS_PROXY", " "),
)


def say(text):
    """Print a line at once: the next one may take a while."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def pip_configuration(listing):
    """Return the options that `pip config list` printed, the environment's before those of the files."""
    options = {}
    # pip reads them in this order, and the last one wins.
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"^{re.escape(section)}\.([\w-]+)=(['\"].*['\"])$", listing, re.MULTILINE):
            options[name] = ast.literal_eval(value)
    return options


def uv_configuration(options, environ):
    """Return the variables that tell uv what pip's options tell pip, and uv's own flags for the rest.

    Args:
        options: What ``pip_configuration`` returned. Beside an ``extra-index-url``, ``index-url`` is given too.
        environ: The environment's variables. What they say to uv already stays; what they say to pip alone, as
            REQUESTS_CA_BUNDLE does, is handed on too.
    """
    told = {}
    for option, variable, separator in _HANDED_ON:
        if options.get(option, "").strip():
            told[variable] = separator.join(options[option].split())
    # pip takes a file from whichever index has it; uv looks no further than the first index that has the version, so
    # that the main one comes first.
    *indexes, last = [*options.get("index-url", "").split(), *options.get("extra-index-url", "").split()] or [None]
    if last is not None:
        told["UV_DEFAULT_INDEX"] = last
    if indexes:
        told["UV_INDEX"] = " ".join(indexes)
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    certificates = told.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    if certificates:
        told["SSL_CERT_FILE"] = os.path.expanduser(certificates)
        if os.path.isdir(told["SSL_CERT_FILE"]):
            told["SSL_CERT_DIR"] = told.pop("SSL_CERT_FILE")
    told["UV_PYTHON_DOWNLOADS"] = "never"
    flags = ["--no-index"] if options.get("no-index", "").lower() in {"1", "true", "yes", "on"} else []
    return {name: value for name, value in told.items() if not (name.startswith("UV_") and name in environ)}, flags


def run(*command, **options):
    """Run a command. Raises ``CalledProcessError`` when it fails; what it said of it is on the terminal."""
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT, **options)  # noqa: S603 - ours


def ask(*command):
    """Return what a command printed, nothing when it failed."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - ours


def pip(python, *arguments):
    """Run the pip of an environment, which prints errors only."""
    # Without compiling, which Python does on import, an environment is ready sooner.
    run(python, "-m", "pip", "--disable-pip-version-check", "-qq", "install", "--no-compile", *arguments)


def make_venv(folder):
    """Make an empty environment with pip. Ends with a sentence where Python lacks what that needs."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = "{}.{}".format(*sys.version_info)
        sys.exit(
            "This Python cannot make virtual environments: its modules venv and ensurepip are missing. "
            f"On Debian and Ubuntu 'apt install python{version}-venv' brings them; then run the command again."
        )
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


class Uv:
    """A uv that was found, and what it has to be told of pip's configuration."""

    def __init__(self, program, python):
        options = pip_configuration(ask(python, "-m", "pip", "config", "list"))
        if "extra-index-url" in options and "index-url" not in options:
            default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
            options["index-url"] = ask(python, "-c", default)
        variables, self._flags = uv_configuration(options, os.environ)
        self._environ = {**os.environ, **variables}
        self._program = program

    def run(self, *arguments):
        """Run uv."""
        run(self._program, *arguments, env=self._environ)

    def make(self, folder, requirements, package):
        """Make an environment."""
        python = folder / "bin" / "python"
        self.run("venv", "-q", "--no-project", "--python", sys.executable, folder)
        install = ("pip", "install", "-q", "--python", python, *self._flags)
        self.run(*install, "--require-hashes", "-r", requirements)
        self.run(*install, *package)


def make_with_pip(folder, requirements, package):
    """Make an environment as ``Uv.make`` does, in ten times the time."""
    python = make_venv(folder)
    pip(python, "--require-hashes", "-r", requirements)
    pip(python, *package)


def find_uv():
    """Return a uv. Raises ``OSError`` or ``CalledProcessError`` when none can be had."""
    present = shutil.which("uv")
    if present is not None:
        version = re.match(r"uv (\d+)\.(\d+)", ask(present, "--version"))
        if version is not None and (int(version[1]), int(version[2])) >= LEAST_UV:
            return Uv(present, sys.executable)
    program, python, made_of = TOOLS / "bin" / "uv", TOOLS / "bin" / "python", TOOLS / "uv.txt"
    if not made_of.exists() or made_of.read_bytes() != UV_LIST.read_bytes():
        say("  fetching uv, once ...")
        pip(make_venv(TOOLS), "--require-hashes", "-r", UV_LIST)
        shutil.copy(UV_LIST, made_of)
    return Uv(program, python)


def make(folder, requirements, wheel=None):
    """Make an environment anew as a whole, so that no package lingers that the list no longer names."""
    started = time.monotonic()
    say(f"Making {os.path.relpath(folder, ROOT)} with Python {sys.version.split()[0]} ...")
    # The build backend comes from the list too: in a build of its own, an unpinned one would be fetched.
    package = ("--no-deps", wheel) if wheel else ("--no-deps", "--no-build-isolation", "-e", ROOT)
    count = len(re.findall(r"^[\w.-]+(?:\[.*\])?==", requirements.read_text("utf-8"), re.MULTILINE))
    try:
        uv = find_uv()
        say(f"  installing {count} packages with uv ...")
        shutil.rmtree(folder, ignore_errors=True)
        uv.make(folder, requirements, package)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"  uv could not do it ({error.__class__.__name__}, see above); installing {count} packages with pip ...")
        make_with_pip(folder, requirements, package)
    say(f"  ready after {time.monotonic() - started:.0f} s")


def main(arguments):
    """Do what the command line says."""
    try:
        if arguments[0] == "uv":
            find_uv().run(*arguments[1:])
        else:
            make(*(Path(argument).resolve() for argument in arguments[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
