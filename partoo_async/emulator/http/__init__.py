"""The emulator as a server: listener, middlewares, one handler for each operation, error bodies, status page."""

# May import ``data``, ``rate_limiters``, ``behaviour`` and ``domain_errors``; nothing of ``faults``.
