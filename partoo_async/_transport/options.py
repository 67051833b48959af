"""How connections are made: the limits, and checks of the options."""

from __future__ import annotations

import ssl

import aiohttp

from partoo_async.errors import ConfigurationError

__all__ = ["CONNECT_TIMEOUT", "TIMEOUT", "check_options"]

CONNECT_TIMEOUT = 10.0
"""Seconds to connect in."""

# No ``total``: it would start before the wait for quota, and its timer per request is aiohttp's largest single cost.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
"""What aiohttp itself is told of time."""


def check_options(session: object, proxy: object, trust_env: object, ssl_context: object) -> None:
    """Raise ``ConfigurationError`` for the first option that cannot be used."""
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session: expected an aiohttp.ClientSession, not {type(session).__name__}")
    # The value is not echoed: a proxy's URL may hold a password.
    if proxy is not None and not (isinstance(proxy, str) and proxy.startswith(("http://", "https://"))):
        raise ConfigurationError("proxy: expected an http(s) URL such as 'http://proxy.example:3128'")
    if not isinstance(trust_env, bool):
        raise ConfigurationError(f"trust_env: expected True or False, not {type(trust_env).__name__}")
    if trust_env and session is not None:
        raise ConfigurationError("trust_env: is decided by the session that you pass; set it there")
    if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
        # False would be aiohttp's way to switch verification off, which is never done.
        raise ConfigurationError(f"ssl_context: expected an ssl.SSLContext, not {type(ssl_context).__name__}")
