"""The Partoo API without I/O. An endpoint is in ``routes`` and ``operations``, what follows a failure in ``statuses``.

``interpret``, ``decoding`` and ``error_bodies`` read responses. Imports the floors below: ``_internal``, ``errors``,
``models``, ``policy``, ``servers``.
"""
