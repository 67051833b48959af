"""The quota scheduler: every request that the quota allows, and not one more."""

from partoo_async.quota.backend import Backend
from partoo_async.quota.concurrency import Concurrency
from partoo_async.quota.quota import Quota
from partoo_async.quota.registry import known_quota, shared_quota
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.wait_queue import LONGEST_PAUSE

__all__ = ["LONGEST_PAUSE", "Backend", "Concurrency", "Quota", "QuotaSnapshot", "known_quota", "shared_quota"]
