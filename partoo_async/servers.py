"""Servers as frozen values. Source of the two addresses: the ``servers`` list of the official OpenAPI document."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from attrs import field, frozen

from partoo_async._internal.reprs import total_repr
from partoo_async._internal.values import Compared
from partoo_async.errors import ConfigurationError

__all__ = ["PRODUCTION", "SANDBOX", "Server", "is_loopback", "is_same_server", "resolve_server"]


def is_loopback(host: str) -> bool:
    """Whether a host name in lower case is of this machine."""
    if not re.fullmatch(r"[a-z0-9.:-]+", host, re.ASCII):
        return False  # an escape: other parsers may see the end of the host there
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_base_url(value: object) -> str:
    expected = "expected an http(s) URL such as 'https://api.partoo.co/v2'"
    if not isinstance(value, str):
        raise ConfigurationError(f"server: {expected}, not {type(value).__name__}")
    url = value.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"server: {expected}; this one does not parse") from None
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or any(char in url for char in " \\"):
        raise ConfigurationError(f"server: {expected}, 'production' or 'sandbox'")
    if not url.isascii():
        raise ConfigurationError("server: expected ASCII alone; write the host as xn--... and the path with %XX")
    # A user part or a query is where keys get pasted by mistake, so the value is not echoed.
    # Empty ones too: a '?' or '#' at the end would swallow every path.
    if parts.username is not None or parts.password is not None or "?" in url or "#" in url:
        raise ConfigurationError("server: the URL may hold no user, password, query or fragment; the key is api_key=")
    if ":" not in host and not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        raise ConfigurationError(
            "server: expected a host name; a part of this one is empty, or longer than 63 characters"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"server: plain http would show the API key to the network of {host}; use https")
    port = "" if parts.port in (None, 443 if parts.scheme == "https" else 80) else f":{parts.port}"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{_normal_path(parts.path)}"


def _normal_path(path: str) -> str:
    """The path as RFC 3986, 6.2.2 normalizes it."""
    if "%" in path:
        path = re.sub(r"%([0-9A-Fa-f]{2})", _normal_escape, path, flags=re.ASCII)
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept).rstrip("/")


def _normal_escape(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if re.fullmatch(r"[A-Za-z0-9._~-]", char, re.ASCII) else escape[0].upper()


@total_repr
@frozen(eq=False, repr=False)
class Server(Compared):
    """A server.

    Attributes:
        name: For people.
        base_url: An https URL, or an http one of a loopback host. Every path is appended to it.

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    name: str
    # Normalized (RFC 3986, 6.2.2 and 6.2.3): two spellings of a URL are one server, with one quota and one journal.
    base_url: str = field(converter=_checked_base_url)

    def __str__(self) -> str:
        return f"{self.name} ({self.base_url})"


def is_same_server(one: str, other: str) -> bool:
    """Whether two base URLs are spellings of one."""
    try:
        return Server("one", one).base_url == Server("other", other).base_url
    except ConfigurationError:
        return False


PRODUCTION = Server("production", "https://api.partoo.co/v2")
"""The production server, the default: ``https://api.partoo.co/v2``."""

SANDBOX = Server("sandbox", "https://api.sandbox.partoo.co/v2")
"""The sandbox server, with keys of its own: ``https://api.sandbox.partoo.co/v2``."""

CUSTOM = "custom"
"""The name of a server that was given as a URL."""

_BY_NAME = {server.name: server for server in (PRODUCTION, SANDBOX)}


def resolve_server(value: Server | str | None) -> Server:
    """Return the server of a name or URL. Default: the variable ``PARTOO_SERVER``, else production."""
    if isinstance(value, Server):
        return value
    source = "server"
    if value is None:
        value = os.environ.get("PARTOO_SERVER")
        if value is None:
            return PRODUCTION
        source = "PARTOO_SERVER"
    if not isinstance(value, str):
        raise ConfigurationError(f"{source}: expected a Server, a name or a URL, not {type(value).__name__}")
    name = value.strip()
    if name.lower() in _BY_NAME:
        return _BY_NAME[name.lower()]
    if "://" not in name:
        raise ConfigurationError(f"{source}: unknown server; expected 'production', 'sandbox' or an http(s) URL")
    return Server(CUSTOM, name)
