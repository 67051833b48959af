"""The same without its look at the environment for a proxy, which takes a thread for each request."""

from __future__ import annotations

from functools import partial

from benchmarks.clients import openapi_generator

connect = partial(openapi_generator.connect, trust_env=False)
