"""The attributes of calls and attempts, by endpoint. Pure: nothing here needs OpenTelemetry."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from partoo_async.observers import AttemptRecord

__all__ = ["Endpoint", "endpoint_of", "labels_of"]

Attributes: TypeAlias = "dict[str, str | int | bool | float]"


class Endpoint:
    """What the calls of one endpoint of a server have in common. OpenTelemetry copies what it is given."""

    def __init__(self, template: str, base_url: str) -> None:
        self.name: str = template
        self.call_name: str = f"partoo {template}"
        parts = urlsplit(base_url)
        self._base_url, self._base_path = base_url, parts.path
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self.labels: Attributes = labels_of(template)
        self._address: Attributes = {"server.address": parts.hostname or "", "server.port": port}
        self._measured: dict[tuple[int | None, str | None], Attributes] = {}

    def measured(self, attempt: AttemptRecord) -> Attributes:
        """Return the attributes of an attempt in metrics."""
        outcome = (attempt.status, attempt.error)
        found = self._measured.get(outcome)
        if found is None:
            found = self._measured[outcome] = {**self.labels, **self._address, **_told(*outcome)}
        return found

    def located(self, measured: Attributes, route: str) -> Attributes:
        """Return the attributes of an attempt's span, which are those ``measured`` and more."""
        # The route has no query, so the URL has none.
        path = route.partition(" ")[2]
        return {
            **measured,
            "url.full": self._base_url + path,
            "url.path": self._base_path + path,
        }


@lru_cache(maxsize=256)
def endpoint_of(template: str, base_url: str) -> Endpoint:
    """Return an endpoint, made once. An unknown one is its method alone."""
    return Endpoint(template, base_url)


def labels_of(template: str) -> Attributes:
    """Return what is told of an endpoint, whichever server it is of."""
    # Names and metrics must not hold ids: their number has to stay small.
    method, _, path = template.partition(" ")
    return {"http.request.method": method, "url.template": path} if path else {"http.request.method": method}


def _told(status: int | None, error: str | None) -> Attributes:
    attributes: Attributes = {} if status is None else {"http.response.status_code": status}
    if error is not None:
        # The status if it says that something is wrong. A redirect is an error to this client only.
        attributes["error.type"] = str(status) if status is not None and status >= 400 else error
    return attributes
