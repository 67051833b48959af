"""One quota for all clients of one organization in a process, found by server, key and limit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from partoo_async.quota.limiter import Quota

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable

    from partoo_async.policy import RateLimit

__all__ = ["shared_quota"]

# Per event loop, since waiters and timers belong to one. Weak: a quota lives as long as a client that uses it.
_quotas: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Hashable, Quota]] = WeakKeyDictionary()


def shared_quota(loop: asyncio.AbstractEventLoop, identity: Hashable, rate_limit: RateLimit | None) -> Quota:
    """Return the quota of this identity (server and key's fingerprint) and limit, made if there is none yet."""
    known = _quotas.setdefault(loop, WeakValueDictionary())
    quota = known.get((identity, rate_limit))
    if quota is None:
        quota = known[identity, rate_limit] = Quota(rate_limit)
    return quota
