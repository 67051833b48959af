"""Statuses in words."""

from __future__ import annotations

from http import HTTPStatus

__all__ = ["phrase"]


def phrase(status: int) -> str:
    """Return a status with its name, such as "503 Service Unavailable", if it has one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
