"""The journal of a scan: an SQLite file with every outcome, so that an interrupted scan can be resumed.

Imports what ``scan`` may, and of ``scan`` only ``outcomes`` and ``scope``. ``no_journal`` loads the rest on demand:
``journal`` writes, ``reader`` reads, ``codec`` formats an outcome, ``database`` has the tables, ``lock`` the file.
"""
