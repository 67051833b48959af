"""The quota scheduler: every request that the quota allows, and not one more. It may import F0 and F1.

Whether a request may leave: ``gate``. Where slots are kept: ``backend`` (the protocol), ``local``. Who goes next:
``lanes``, ``wait_queue``. What users call: ``quota``. One quota for each key: ``registry``. Requests in flight of one
client: ``concurrency``.
"""

from partoo_async.quota.backend import Backend
from partoo_async.quota.concurrency import Concurrency
from partoo_async.quota.quota import Quota
from partoo_async.quota.registry import known_quota, shared_quota
from partoo_async.quota.snapshot import Demand, QuotaSnapshot
from partoo_async.quota.wait_queue import LONGEST_PAUSE

__all__ = ["LONGEST_PAUSE", "Backend", "Concurrency", "Demand", "Quota", "QuotaSnapshot", "known_quota", "shared_quota"]
