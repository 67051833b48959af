"""The Partoo API as plain values: requests, responses, operations, and how a response is decoded.

No I/O happens here. Imports ``errors``, ``models``, ``servers``, ``policy`` and ``_internal``; never a room above.
"""
