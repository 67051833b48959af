"""Grant every request that the quota allows, and not one more. May import errors, policy and _internal.

``quota``: what users call. ``gate``: when requests may leave. ``wait_queue``: who goes next. ``backend``: where slots
are kept; for a store that processes share, implement ``Backend`` and pass ``Quota(backend=...)``. ``registry``: one
quota for each key. ``concurrency``: requests in flight of a client. ``shared``: the stores that there are.
"""

from partoo_async.quota.backend import Backend, Demand
from partoo_async.quota.concurrency import Concurrency
from partoo_async.quota.quota import Quota
from partoo_async.quota.registry import shared_quota
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.wait_queue import LONGEST_PAUSE

__all__ = ["LONGEST_PAUSE", "Backend", "Concurrency", "Demand", "Quota", "QuotaSnapshot", "shared_quota"]
