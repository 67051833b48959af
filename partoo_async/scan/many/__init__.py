"""The scans of many organizations in one process: each with a key, a quota and a journal of its own.

``scans`` runs them; ``organization`` is what users give, ``journals`` the directory, ``progress`` the counts.
"""

from partoo_async.scan.many.organization import Organization
from partoo_async.scan.many.progress import ManyProgress
from partoo_async.scan.many.scans import ManyScans, scan_many

__all__ = ["ManyProgress", "ManyScans", "Organization", "scan_many"]
