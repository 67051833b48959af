"""Which host names the emulator accepts, so that no web site reaches it through a browser."""

# DNS rebinding (https://owasp.org/www-community/attacks/DNS_Rebinding): the owner of evil.example lets that name
# resolve to 127.0.0.1, and its page then talks to the emulator. Browsers put the name into the `Host` header.

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.http.http_io import error_response
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

__all__ = ["accepts_host", "check_allowed_hosts", "check_host_header"]

_logger = logging.getLogger("partoo_async.emulator")

_PORT = re.compile(r":[0-9]*\Z")


def check_allowed_hosts(value: object) -> frozenset[str]:
    """Return the names in the form that is compared."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(
            f"allowed_hosts: expected several names, such as ['partoo.example'], not one {type(value).__name__}"
        )
    names = [*value]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[^\s/:@]+", name):
            raise ConfigurationError(
                f"allowed_hosts: expected names without a port, such as partoo.example, not {name!r}"
            )
    return frozenset(map(_normalized, names))


def check_host_header(allowed: frozenset[str], error_key: str) -> Middleware:
    """Return a middleware that refuses a host name that is neither local nor ``allowed``."""
    warned: set[str] = set()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if accepts_host(host, allowed):
            return await handler(request)
        name = _name_in(host)
        # A limit, because the names come from outside and each one is remembered.
        if name not in warned and len(warned) < 100:
            warned.add(name)
            _logger.warning("the emulator refused a request to host %r; to allow it, use allowed_hosts", name)
        return error_response(403, error_key, f"Unknown host {name!r}: allow it with allowed_hosts, or --allow-host")

    return middleware


def accepts_host(header: str, allowed: frozenset[str]) -> bool:
    """Whether a ``Host`` header names something local, or one of ``allowed``."""
    name = _name_in(header)
    return _is_local(name) or name in allowed


def _name_in(header: str) -> str:
    return _normalized(_PORT.sub("", header))


def _normalized(name: str) -> str:
    return name.lower().removesuffix(".").removeprefix("[").removesuffix("]")


def _is_local(name: str) -> bool:
    # Containers have names without a dot. No web site has one.
    if ("." not in name and ":" not in name) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
