"""One call, from its deadline to its result. May import ``quota``, ``_transport`` and what lies below them.

``call`` runs one call with what the client's calls share (``context``), and asks a callable for the key at each send.
Which failures are retried is in ``_protocol.statuses``, when in ``retrying`` with the numbers of ``RetryPolicy``; a
connection that was closed already, in ``resend``. Reads are shared in ``single_flight``, with a callable by way of
``key_source``, and kept in ``read_cache``; closing is in ``lifecycle``.
"""
