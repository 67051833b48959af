"""The proxy that variables name, as other programs use it: not for servers of this machine."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from partoo_async.servers import Server, is_loopback

__all__ = ["needs_environment"]


def needs_environment(server: Server) -> bool:
    """Whether a client of this server is to look for a proxy in the environment: not where there is none for it."""
    host = urlsplit(server.base_url).hostname or ""
    # Plain http is of this machine alone.
    return not is_loopback(host) and "https" in getproxies() and not proxy_bypass(host)
