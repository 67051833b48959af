"""From the description of a shared quota to what talks to its store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from partoo_async.quota.shared.descriptions import Description, FileQuota, store_name
from partoo_async.quota.shared.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Hashable

    from partoo_async.policy import RateLimit
    from partoo_async.quota.shared.file_store import FileStore
    from partoo_async.quota.shared.redis_store import RedisStore

__all__ = ["lease_of", "place_of", "store_of"]

# An exchange may take a twentieth of the window, if that is not too little for a busy host; one second at most.
_SHARE = 1 / 20
_LEAST, _MOST = 0.2, 1.0


def place_of(description: Description) -> Hashable:
    """Return the same for descriptions of one place."""
    if isinstance(description, FileQuota):
        return os.path.abspath(description.path), description.fallback
    return description


def store_of(description: Description, name: str, timeout: float) -> FileStore | RedisStore:
    """Return the store for a quota of that name, not connected yet."""
    # Each with the library that it needs.
    if isinstance(description, FileQuota):
        from partoo_async.quota.shared.file_store import FileStore  # noqa: PLC0415

        return FileStore(os.path.abspath(description.path), name, timeout)
    from partoo_async.quota.shared.redis_store import RedisStore  # noqa: PLC0415

    return RedisStore(str(description.url), name, timeout)


def lease_of(description: Description, base_url: str, owner: str, rate_limit: RateLimit) -> Lease:
    """Return the backend for the quota of an owner: a name, or the fingerprint of a key."""
    timeout = max(_LEAST, rate_limit.per * _SHARE)
    timeout = min(timeout, _MOST if isinstance(description, FileQuota) else description.timeout)
    store = store_of(description, store_name(base_url, owner), timeout)
    return Lease(rate_limit, store, fallback=description.fallback, timeout=timeout)
