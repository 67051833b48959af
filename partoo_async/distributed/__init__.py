"""Scans on a Dask cluster that is there already: many workers send the requests, one process writes the journals.

``scans`` has ``distributed_scan``; ``cluster`` sends the tasks; ``fetcher`` is what a scan asks in place of its own,
and puts what it is asked into ``batches``; ``worker`` runs on the workers; ``payload`` is what travels.
"""

from partoo_async.distributed.scans import distributed_scan

__all__ = ["distributed_scan"]
