"""The version of the installed package."""

from __future__ import annotations

from functools import cache

__all__ = ["get_version"]


@cache
def get_version() -> str:
    """Return the version, or "0+unknown" in a checkout that is not installed."""
    # On demand: the metadata is slow to find, and importing the package need not wait for it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        return version("partoo-async")
    except PackageNotFoundError:
        return "0+unknown"
