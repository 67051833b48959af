"""Scans as tables in databases, by dlt: ``tables`` has columns and rows, ``scope`` says which rows a load may delete.

``source`` makes dlt resources of a journal, ``destinations`` a dlt destination of a URL, and ``load`` runs them.
"""

# Nothing is imported here: dlt takes a second to import.
