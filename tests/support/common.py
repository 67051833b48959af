"""Values that many tests share."""

from __future__ import annotations

import ssl

from partoo_async import RetryPolicy

FAST = RetryPolicy(initial_backoff=0.001, max_backoff=0.002)
"""Retries whose waits a test does not feel."""

TLS = ssl.create_default_context()
"""The one that every client has which is given none, see ``_one_tls_context``."""

PATIENCE = 120.0
"""Seconds after which a test that should long be done has failed, however busy the machine is: no figure to assert."""
