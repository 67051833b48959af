"""How each command gets its client."""

from __future__ import annotations

import os
from typing import Any

from partoo_async import PartooClient
from partoo_async.errors import ConfigurationError

__all__ = ["connect"]


def connect(server: str | None, timeout: float, **options: Any) -> PartooClient:
    """Return a client for a server, with the key of the environment.

    There is no other way to give the key: a command line can be read by every user of the machine.
    """
    if not os.environ.get("PARTOO_API_KEY", "").strip():
        raise ConfigurationError(
            "set the environment variable PARTOO_API_KEY to your API key; it is read from there only"
        )
    return PartooClient(server=server, timeout=timeout, **options)
