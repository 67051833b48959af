"""Whether variables name a proxy, which commands do not use."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from partoo_async.cli.doctor.finding import Finding, found, warning
from partoo_async.cli.doctor.setup import without_password

__all__ = ["check_proxies"]


def check_proxies(scheme: str, host: str, *, reached: bool) -> Finding:
    """Say what becomes of the proxy that is set for this host."""
    proxies = getproxies()
    name = next((name for name in (scheme, "all") if name in proxies), None)
    if name is None:
        return found("proxy", "none is set")
    shown = f"{name}_proxy={without_password(proxies[name])}"
    if proxy_bypass(host):
        return found("proxy", f"{shown}, but no_proxy has {host}", proxy=shown)
    text = f"{shown} is ignored: commands connect directly"
    if reached:
        return found("proxy", f"{text}, which works", proxy=shown)
    advice = "if this network needs the proxy: only in Python, with PartooClient(trust_env=True) or proxy="
    return warning("proxy", text, advice, proxy=shown)
