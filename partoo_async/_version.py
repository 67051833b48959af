"""The version of the installed package."""

from __future__ import annotations

from functools import cache

__all__ = ["get_version"]


@cache
def get_version() -> str:
    """Return the version, or "0+unknown" in a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import, and needed late

    try:
        return version("partoo-async")
    except PackageNotFoundError:
        return "0+unknown"
