"""How each command gets its client, and how it learns what went over the wire."""

from __future__ import annotations

import os
from typing import Any

from attrs import define

from partoo_async import PartooClient
from partoo_async.errors import ConfigurationError
from partoo_async.events import Event, RequestEvent

__all__ = ["Traffic", "connect"]


@define
class Traffic:
    """Counts the requests of a client; its ``seen`` is what ``on_event`` takes."""

    requests: int = 0
    retries: int = 0

    def seen(self, event: Event) -> None:
        """Count an event if it is a request."""
        if isinstance(event, RequestEvent):
            self.requests += 1
            self.retries += event.attempt > 1


def connect(server: str | None, timeout: float, **options: Any) -> PartooClient:
    """Return a client for a server, with the key of the environment.

    There is no other way to give the key: a command line can be read by every user of the machine.
    """
    if not os.environ.get("PARTOO_API_KEY", "").strip():
        raise ConfigurationError(
            "set the environment variable PARTOO_API_KEY to your API key; it is read from there only"
        )
    return PartooClient(server=server, timeout=timeout, **options)
