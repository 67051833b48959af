"""One call, from its deadline to its result. May import ``quota``, ``_transport`` and what lies below them.

``call`` runs one call with what the client's calls share (``context``). Which failures are retried is in
``_protocol.statuses``, when in ``retrying``; a connection that was closed already, in ``resend``. Reads are shared in
``single_flight``, with a callable for a key by way of ``key_source``; closing is in ``lifecycle``.
"""
