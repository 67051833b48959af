"""Scans on a Dask cluster: many workers send the requests, one process writes the journals.

``cluster`` sends the tasks, and ``worker`` does them; ``fetcher`` puts what a scan asks into ``batches``; ``payload``
is what travels.
"""

from partoo_async.distributed.scans import distributed_scan

__all__ = ["distributed_scan"]
