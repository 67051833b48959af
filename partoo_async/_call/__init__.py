"""One call, from its deadline to its result. May import ``quota``, ``_transport`` and what lies below them.

``call`` runs one call with what the client's calls share (``context``). Repeats are in ``retrying`` and ``resend``,
shared reads in ``single_flight`` and ``read_cache``, keys of a callable in ``key_source``, closing in ``lifecycle``.
"""
