"""The TLS contexts of clients: their own, or the one of the process."""

from __future__ import annotations

import os
import ssl
from functools import cache
from threading import Lock

from partoo_async._internal.callables import in_daemon

__all__ = ["Trust", "default_context"]


class Trust:
    """The TLS context of one client: ``given``, or the process's own once something is to be sent by https.

    ``given`` is True for what a borrowed session has.
    """

    def __init__(self, given: ssl.SSLContext | bool | None, proxy: str | None) -> None:
        self._context = given
        self._by_proxy = proxy is not None and proxy[:6].lower() == "https:"

    def prepare(self, base_url: str) -> None:
        """Get what connections to this address need. Blocks."""
        if self._context is None and self._is_needed(base_url):
            self._context = default_context()

    async def context(self, base_url: str) -> ssl.SSLContext | bool:
        """Return what aiohttp takes for a request to this address."""
        if self._context is None and self._is_needed(base_url):
            await in_daemon(self.prepare, base_url)
        return self._context or True

    def _is_needed(self, base_url: str) -> bool:
        return self._by_proxy or not base_url.startswith("http:")


def default_context() -> ssl.SSLContext:
    """Return the process's own context, with the system's certificates. Blocks when they are read, which is once."""
    # To read them takes 20 ms of CPU and a megabyte: too much for each of hundreds of clients.
    with _lock:  # those that start together wait for the one that reads
        return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()  # which looks the two variables up itself


_lock = Lock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - it stands for the process
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    # A thread that held it in the parent does not run in the child.
    os.register_at_fork(after_in_child=_renew_lock)
