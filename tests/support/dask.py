"""Dask's cluster for tests, without what it does to all exceptions of a process."""

from __future__ import annotations

import copyreg

from distributed import Client, KilledWorker, LocalCluster

from partoo_async import errors

__all__ = ["Client", "KilledWorker", "LocalCluster"]

# It lets every exception pickle with its causes and its traceback. Other tests of this process hold that ours do not.
for _name in errors.__all__:
    copyreg.dispatch_table.pop(getattr(errors, _name), None)
