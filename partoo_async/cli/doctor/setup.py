"""Checks of this machine: the key, the server's name, variables, versions. They send nothing."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

import partoo_async
from partoo_async._internal.secret import Secret
from partoo_async._transport.fast_path_guard import has_expected_api
from partoo_async.cli.doctor.finding import Finding, failed, found, warning
from partoo_async.cli.exit_codes import USAGE
from partoo_async.cli.text import one_line
from partoo_async.errors import ConfigurationError
from partoo_async.servers import PRODUCTION, Server, resolve_server

__all__ = [
    "check_environment",
    "check_fast_path",
    "check_key",
    "check_server",
    "check_versions",
    "without_password",
]

_KEY, _QUOTES = "PARTOO_API_KEY", "\"'`\u201c\u201d\u2018\u2019"
_PLACEHOLDER = re.compile(r"\.{3}|…|x{3,}|\*{3,}|<.*>|\$\{?\w+\}?|(your|my|the)[-_ ]?(api[-_ ]?)?key", re.IGNORECASE)

# Shown with their values, but for the secrets among them.
_HEEDED = ("PARTOO_API_KEY", "PARTOO_API_KEY_FILE", "PARTOO_SERVER", "PARTOO_QUOTA", "PARTOO_LOG", "PARTOO_TO")
_FOREIGN = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "AIOHTTP_NO_EXTENSIONS", "PYTHONASYNCIODEBUG")
_OUTPUT = ("TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
_SECRET = ("PARTOO_API_KEY", "PARTOO_TO")


def without_password(url: str) -> str:
    """Return a URL as it may be shown: without user, password, query and fragment."""
    scheme, mark, rest = one_line(re.split(r"[?#]", url, maxsplit=1)[0]).partition("://")
    place, slash, path = rest.partition("/")
    # A "/" in a password, which should have been escaped, would end the host here.
    if "@" in path:
        return f"{scheme}://***"
    return f"{scheme}{mark}{'***@' if '@' in place else ''}{place.rpartition('@')[2]}{slash}{path}"


def check_key(find: Callable[[], tuple[Secret, str]], environment: Mapping[str, str]) -> tuple[Secret | None, Finding]:
    """Return the key, which is looked at for mistakes and never shown. ``find`` returns it and where it is from."""
    try:
        key, source = find()
    except ConfigurationError as error:
        text, _, advice = one_line(str(error)).removeprefix("api_key: ").partition(": ")
        if " " not in text:  # the name of a source
            text, advice = f"{text}: {advice}", "copy the key anew, without what stands around it"
        return None, failed("key", text, advice or f"export {_KEY}=... with your API key", USAGE)
    return key, _judge_key(key, source, environment)


def _judge_key(key: Secret, source: str, environment: Mapping[str, str]) -> Finding:
    if key.reveal()[0] in _QUOTES or key.reveal()[-1] in _QUOTES:
        return warning("key", f"from {source}: it begins or ends with a quote", "leave the quotes out of the value")
    if _PLACEHOLDER.fullmatch(key.reveal()):
        return warning("key", f"from {source}: it looks like a placeholder", "put your own API key there")
    if source == _KEY and environment.get(_KEY) != key.reveal():
        text = f"from {source}: there is a space or line break around it, which is left out here"
        return warning("key", text, "take it out: other programs may send it")
    return found("key", f"from {source}, not shown", source=source)


def check_server(option: str | None, environment: Mapping[str, str]) -> tuple[Server | None, Finding]:
    """Return the server that commands talk to, or None."""
    given = environment.get("PARTOO_SERVER") if option is None else option
    source = "--server" if option is not None else "PARTOO_SERVER" if given is not None else "by default"
    try:
        server = PRODUCTION if given is None else resolve_server(given)
    except ConfigurationError as error:
        problem = str(error).removeprefix("server: ")
        advice = f"set {source} to production, sandbox or a URL such as {PRODUCTION.base_url}"
        return None, failed("server", f"{source}: {problem}", advice, USAGE, source=source)
    text = f"{server}, {source if given is None else 'from ' + source}"
    facts = {"name": server.name, "url": server.base_url, "source": source}
    parts = urlsplit(server.base_url)
    if (parts.hostname or "").endswith("partoo.co") and parts.path != "/v2":
        return server, warning("server", text, "the addresses of Partoo's API end in /v2", **facts)
    return server, found("server", text, **facts)


def check_environment(environment: Mapping[str, str]) -> Finding:
    """Show the variables that change something."""
    shown = {name: _shown(name, environment[name]) for name in (*_HEEDED, *_FOREIGN, *_OUTPUT) if name in environment}
    text = ", ".join(f"{name}={value}" for name, value in shown.items()) or "nothing of it is set"
    problems = "; ".join(_problems(environment))
    return warning("environment", text, problems, **shown) if problems else found("environment", text, **shown)


def _shown(name: str, value: str) -> str:
    if name in _SECRET:
        return "***" if value.strip() else "(empty)"
    return without_password(value) if "://" in value else one_line(value)


def _problems(environment: Mapping[str, str]) -> Iterator[str]:
    for name in environment:
        near = difflib.get_close_matches(name, _HEEDED, 1, 0.8) if name.startswith("PARTOO_") else []
        if near and name not in _HEEDED and near[0] not in environment:
            yield f"{one_line(name)} is not read: did you mean {near[0]}?"
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if name in environment and not all(map(os.path.exists, environment[name].split(os.pathsep))):
            yield f"{name} names what does not exist: no certificate will be trusted"
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if name in environment and "SSL_CERT_FILE" not in environment:
            yield f"{name} is not read: for certificates of your own, set SSL_CERT_FILE"
    if "SSLKEYLOGFILE" in environment:
        yield "SSLKEYLOGFILE writes what decrypts your connections, and with them the key, to a file"
    if environment.get("PYTHONASYNCIODEBUG"):
        yield "PYTHONASYNCIODEBUG makes everything slow"


def check_versions() -> Finding:
    """Show what is installed. Called in an event loop, which it names."""
    versions = {name: importlib.metadata.version(name) for name in ("aiohttp", "orjson")}
    facts = {
        "partoo_async": partoo_async.__version__,
        "python": platform.python_version(),
        **versions,
        "event_loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "extras": _extras(),
    }
    text = f"partoo_async {facts['partoo_async']}, Python {facts['python']}"
    text += "".join(f", {name} {version}" for name, version in versions.items())
    text += f", {facts['platform']}, event loop of {facts['event_loop']}; extras: {', '.join(_extras()) or 'none'}"
    return found("versions", text, **facts)


def _extras() -> list[str]:
    """The extras of which everything is installed."""
    try:
        about = importlib.metadata.metadata("partoo-async")
    except importlib.metadata.PackageNotFoundError:
        return []
    needed: dict[str, list[str]] = {name: [] for name in about.get_all("Provides-Extra") or ()}
    for line in about.get_all("Requires-Dist") or ():
        part = re.match(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)", line)
        if part:
            needed[part[2]].append(part[1])
    return sorted(extra for extra, names in needed.items() if names and all(map(_is_installed, names)))


def _is_installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def check_fast_path() -> Finding:
    """Say whether requests take the short way through aiohttp."""
    if not has_expected_api():
        text = "off: this aiohttp is another than expected, or a tool has replaced its functions"
        return warning("fast path", text, "nothing is wrong, but requests take more CPU time")
    if os.environ.get("AIOHTTP_NO_EXTENSIONS") or find_spec("aiohttp._http_parser") is None:
        text = "on, but aiohttp runs without its compiled parts"
        return warning("fast path", text, "install a wheel of aiohttp, and unset AIOHTTP_NO_EXTENSIONS")
    return found("fast path", "on")
