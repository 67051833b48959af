"""The installed package: its version, and the command that adds an extra."""

from __future__ import annotations

from functools import cache

__all__ = ["get_version", "install_command"]

_NAME = "partoo-async"


@cache
def get_version() -> str:
    """Return the version, or "0+unknown" in a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import, and needed late

    try:
        return version(_NAME)
    except PackageNotFoundError:
        return "0+unknown"


def install_command(extra: str) -> str:
    """Return the command that installs the package again, from where it came, with an extra."""
    # An installer notes the origin, such as a clone or a wheel, unless it was an index (PEP 610).
    import json  # noqa: PLC0415 - for a message that ends a program, as the next ones
    import os  # noqa: PLC0415
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415
    from shlex import quote  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415
    from urllib.request import url2pathname  # noqa: PLC0415

    try:
        noted = distribution(_NAME).read_text("direct_url.json")
        source = json.loads(noted) if noted else None
    except PackageNotFoundError:
        source = {"url": Path(__file__).parents[2].as_uri(), "dir_info": {}}
    if source is None:
        return f"pip install {quote(f'{_NAME}[{extra}]')}"
    if "dir_info" not in source:
        return f"pip install {quote(f'{_NAME}[{extra}] @ ' + source['url'])}"
    folder = url2pathname(urlsplit(source["url"]).path)
    here = os.path.realpath(folder) == os.path.realpath(".")
    return f"pip install {quote(f'.[{extra}]' if here else f'{folder}[{extra}]')}"
