"""The TLS context of clients that are given none."""

from __future__ import annotations

import os
import ssl
from functools import cache
from threading import Lock

__all__ = ["default_context"]


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
