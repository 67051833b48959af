"""The journal of a scan: an SQLite file with every outcome, so that an interrupted scan can be resumed.

``no_journal`` loads the rest on demand: ``journal`` writes outcomes, ``sections`` lists of groups, ``recording`` the
rest; ``reader`` reads, ``replay`` outcomes alone; ``codec`` formats what is recorded, ``database`` has the tables,
``lock`` the file. ``known`` has the businesses of an earlier journal; ``baseline`` merges two.
"""
