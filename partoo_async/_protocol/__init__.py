"""The Partoo API without I/O. An endpoint is in ``routes`` and ``operations``, what follows a failure in ``statuses``.

``interpret`` reads a response: a success by ``decoding``, which uses ``structs``, or ``converters`` for what
differs from the documentation; an error by ``error_bodies`` and ``retry_after``. May import the floors below:
``_internal``, ``errors``, ``models``, ``policy``, ``servers``.
"""
