"""Settings from the environment. PARTOO_API_KEY and PARTOO_SERVER are read by the client itself."""

import os
from pathlib import Path

from partoo_async import PartooClient, RateLimit

# Journals and states of scans, shared by the workers of one machine.
SCANS = Path(os.environ.get("SCANS_DIR", "scans"))

# The longest that a request takes. What cannot be served by then is refused at once, with a Retry-After.
PAGE_SECONDS = float(os.environ.get("PAGE_SECONDS", "3"))

# uvicorn reads it, too. Workers know nothing of each other, so each takes its share of the quota.
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "1"))


def make_client() -> PartooClient:
    requests, per = os.environ.get("RATE_LIMIT", "300/60").split("/")
    return PartooClient(rate_limit=RateLimit(int(requests), float(per), share=1 / WORKERS))
