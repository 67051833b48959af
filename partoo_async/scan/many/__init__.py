"""The scans of many organizations in one process: each with a key, a quota and a journal of its own.

``organization`` is what users give, and its checks; ``journals`` the directory with a journal for each; ``progress``
the counts over all of them; ``scans`` runs some at a time and hands out what they yield.
"""

from partoo_async.scan.many.organization import Organization
from partoo_async.scan.many.progress import ManyProgress
from partoo_async.scan.many.scans import ManyScans, scan_many

__all__ = ["ManyProgress", "ManyScans", "Organization", "scan_many"]
