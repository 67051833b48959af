"""The Partoo API without I/O: ``operations``, ``routes``, what a response means (``interpret``), and ``statuses``.

Imports ``errors``, ``models``, ``servers``, ``policy`` and ``_internal``.
"""
