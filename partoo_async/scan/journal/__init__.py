"""The journal of a scan: an SQLite file that has every outcome, so that an interrupted scan can go on.

May import what ``scan`` may, and of ``scan`` only ``outcomes`` and ``scope``. SQLite is loaded only for a scan with a
journal.
"""
