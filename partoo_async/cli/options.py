"""What several commands share: options, and the client that they make of them."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from partoo_async import PartooClient
from partoo_async.errors import ConfigurationError

__all__ = ["Dask", "Json", "Quota", "Server", "Timeout", "connect"]

Server = Annotated[
    str | None,
    typer.Option(
        help="production, sandbox or a URL. Default: the variable PARTOO_SERVER, else production.", show_default=False
    ),
]
Quota = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Share the quota with other processes: file:///path, redis://host/0, ... Default: the variable"
        " PARTOO_QUOTA, which is the place for a URL with a password.",
        show_default=False,
    ),
]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="Longest time for one call, retries included.")]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Let the workers of a Dask scheduler send the requests: tls://host:8786, or tcp:// in a trusted network.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def connect(server: str | None, timeout: float, quota: str | None, **options: Any) -> PartooClient:
    """Return a client with the key of the environment."""
    # No option takes the key: every user of the machine can read a command line.
    if not os.environ.get("PARTOO_API_KEY", "").strip():
        raise ConfigurationError("PARTOO_API_KEY is not set: export PARTOO_API_KEY=... with your API key")
    return PartooClient(server=server, timeout=timeout, quota=quota, **options)
