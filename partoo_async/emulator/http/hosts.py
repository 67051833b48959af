"""Under which names the emulator answers: a web site must not reach it by a name of its own that leads here.

Whoever opens a page of evil.example could otherwise be its way in, once that name stands for 127.0.0.1 (DNS rebinding:
https://owasp.org/www-community/attacks/DNS_Rebinding). The ``Host`` header tells, since browsers put the name there.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.http.http_io import error_answer
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

__all__ = ["check_allowed_hosts", "refuse_strangers"]

_logger = logging.getLogger("partoo_async.emulator")

_PORT = re.compile(r":[0-9]*\Z")


def check_allowed_hosts(value: object) -> frozenset[str]:
    """Return the names as they are compared."""
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
    return frozenset(map(_plain, names))


def refuse_strangers(allowed: frozenset[str], error_key: str) -> Middleware:
    """Return a middleware that refuses requests for a name that is neither of this machine nor among ``allowed``.

    Names of this machine, or of its own network: an address, localhost, and any without a dot, as containers have.
    No web site has such a one.
    """
    told: set[str] = set()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _plain(_PORT.sub("", request.headers.get("Host", "")))
        if _is_local(name) or name in allowed:
            return await handler(request)
        if name not in told and len(told) < 100:
            told.add(name)
            _logger.warning("the emulator was asked as %r, and refused; allowed_hosts takes names to allow", name)
        return error_answer(403, error_key, f"Unknown host {name!r}: allow it with allowed_hosts, or --allow-host")

    return middleware


def _plain(name: str) -> str:
    return name.lower().removesuffix(".").removeprefix("[").removesuffix("]")


def _is_local(name: str) -> bool:
    if "." not in name and ":" not in name:
        return True
    if name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
