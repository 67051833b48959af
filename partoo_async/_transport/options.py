"""Timeouts of connections, and checks of the client's options for them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias
from urllib.request import getproxies

import aiohttp
from yarl import URL

from partoo_async.errors import ConfigurationError

__all__ = ["CONNECT_TIMEOUT", "TIMEOUT", "Quiet", "check_options"]

Quiet: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes a context in which tracing tools ignore aiohttp's requests."""

CONNECT_TIMEOUT = 10.0
"""Seconds to connect."""

# No ``total``: its timer for each request is aiohttp's largest single cost. `AttemptTimer` does that.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
"""aiohttp's own timeouts."""


def check_options(session: object, proxy: object, trust_env: object, ssl_context: object) -> None:
    """Raise ``ConfigurationError`` for the first option that cannot be used."""
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session: expected an aiohttp.ClientSession, not {type(session).__name__}")
    # The value is not shown: a proxy's URL may hold a password.
    if proxy is not None and not _is_proxy(proxy, ("http", "https")):
        raise ConfigurationError("proxy: expected an http(s) URL such as 'http://proxy.example:3128'")
    if not isinstance(trust_env, bool):
        raise ConfigurationError(f"trust_env: expected True or False, not {type(trust_env).__name__}")
    if trust_env and session is not None:
        raise ConfigurationError("trust_env: set it on the session that you pass")
    if trust_env:
        _check_environment()
    if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
        # aiohttp would take False, which switches verification off.
        raise ConfigurationError(f"ssl_context: expected an ssl.SSLContext, not {type(ssl_context).__name__}")


def _check_environment() -> None:
    proxies = getproxies()
    for scheme in ("http", "https"):
        # aiohttp ignores an https:// proxy from the environment, and connects without any.
        if scheme in proxies and not _is_proxy(proxies[scheme], ("http",)):
            raise ConfigurationError(
                f"trust_env: {scheme}_proxy in the environment: expected a URL such as 'http://proxy.example:3128'"
            )


def _is_proxy(value: object, schemes: tuple[str, ...]) -> bool:
    # Without a host, say, aiohttp would silently connect without the proxy.
    if not isinstance(value, str):
        return False
    try:
        url = URL(value)
        port = url.port
    except ValueError:
        return False
    return url.scheme in schemes and bool(url.host) and bool(port) and url.path in ("", "/") and not url.query_string
