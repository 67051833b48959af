"""The proxy that variables name, and whether commands use it."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies

from partoo_async._transport.options import check_options
from partoo_async.cli.doctor.finding import Finding, failed, found, warning
from partoo_async.cli.doctor.setup import without_password
from partoo_async.cli.exit_codes import USAGE
from partoo_async.cli.proxies import needs_environment
from partoo_async.errors import ConfigurationError
from partoo_async.servers import Server, is_loopback

__all__ = ["check_proxies"]


def check_proxies(server: Server) -> tuple[str | None, Finding]:
    """Return the URL of the proxy on the way to the server, or None, and what becomes of the variables."""
    parts, proxies = urlsplit(server.base_url), getproxies()
    name = next((name for name in (parts.scheme, "all") if name in proxies), None)
    if name is None:
        return None, found("proxy", "none is set")
    shown = f"{name}_proxy={without_password(proxies[name])}"
    if is_loopback(parts.hostname or ""):
        return None, found("proxy", f"{shown}, but not for a server of this machine", proxy=shown)
    if name == "all":
        return None, warning(
            "proxy", f"{shown} is not read", "if this network needs a proxy, set HTTPS_PROXY", proxy=shown
        )
    if not needs_environment(server):
        return None, found("proxy", f"{shown}, but no_proxy has {parts.hostname}", proxy=shown)
    try:
        check_options(None, None, True, None)
    except ConfigurationError as error:
        problem = str(error).removeprefix("trust_env: ")
        return proxies[name], failed("proxy", problem, "mend the variable: the server is not reached without it", USAGE)
    return proxies[name], found("proxy", f"{shown} is used", proxy=shown)
