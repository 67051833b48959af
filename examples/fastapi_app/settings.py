"""What the environment says: PARTOO_API_KEY and PARTOO_SERVER, which the client reads itself, and these."""

import os
from pathlib import Path

from partoo_async import PartooClient, RateLimit

# Journals and states of scans; the workers of one machine share it.
SCANS = Path(os.environ.get("SCANS_DIR", "scans"))

# How long somebody waits for a page at the most. What cannot be served by then is refused at once, with a Retry-After.
PAGE_SECONDS = float(os.environ.get("PAGE_SECONDS", "3"))

# What uvicorn itself takes as the number of its workers. They know nothing of each other, so each has its part.
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "1"))


def make_client() -> PartooClient:
    requests, per = os.environ.get("PARTOO_QUOTA", "300/60").split("/")
    return PartooClient(rate_limit=RateLimit(int(requests), float(per), share=1 / WORKERS))
