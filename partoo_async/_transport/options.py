"""The timeout to connect, and checks of the client's options for connections."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias
from urllib.request import getproxies

import aiohttp
from yarl import URL

from partoo_async._internal.checks import check_flag, check_kind
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
    check_kind("session", session, aiohttp.ClientSession, type(None))
    # The value is not echoed: a proxy's URL may hold a password.
    if proxy is not None and not _is_proxy(proxy, ("http", "https")):
        raise ConfigurationError("proxy: expected an http(s) URL such as 'http://proxy.example:3128'")
    check_flag("trust_env", trust_env)
    if trust_env and session is not None:
        raise ConfigurationError("trust_env: set it on the session that you pass")
    if trust_env:
        _check_environment()
    # False would be aiohttp's way to switch verification off, which is never done.
    check_kind("ssl_context", ssl_context, ssl.SSLContext, type(None))


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
