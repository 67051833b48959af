"""The quota scheduler: every request that the quota allows, and not one more."""

from partoo_async.quota.concurrency import Concurrency
from partoo_async.quota.limiter import LONGEST_PAUSE, Quota
from partoo_async.quota.shared import shared_quota
from partoo_async.quota.snapshot import QuotaSnapshot
from partoo_async.quota.window import Backend

__all__ = ["LONGEST_PAUSE", "Backend", "Concurrency", "Quota", "QuotaSnapshot", "shared_quota"]
