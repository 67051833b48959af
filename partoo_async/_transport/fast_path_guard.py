"""Check that the fast path is safe: aiohttp has the API that it needs, and nothing hooks the session."""

from __future__ import annotations

import inspect
import types
from functools import cache

import aiohttp
import aiohttp.client
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

__all__ = ["has_expected_api", "is_plain", "is_plain_borrowed", "is_unhooked"]


# Mocks and tracers replace these to see every request.
_ORIGINAL_METHODS = tuple(getattr(aiohttp.ClientSession, name, None) for name in ("_request", "request"))

_ADDITIONS = ("_middlewares", "_default_proxy", "_default_auth")
_CLASSES = (aiohttp.ClientRequest, aiohttp.ClientResponse)


def is_unhooked(session: aiohttp.ClientSession) -> bool:
    """Whether no mock or tracer hooks aiohttp's requests now."""
    cls = aiohttp.ClientSession
    return (cls._request, cls.request) == _ORIGINAL_METHODS and not session.trace_configs


@cache
def has_expected_api() -> bool:
    """Whether aiohttp has what the fast path uses, with the same names and parameters."""
    # By the globals: a tool that replaced a method before this import may have copied its name.
    home = vars(aiohttp.client)
    if not all(type(own) is types.FunctionType and own.__globals__ is home for own in _ORIGINAL_METHODS):
        return False
    try:
        inspect.signature(aiohttp.ClientRequest).bind("GET", None, headers=None, loop=None, ssl=None)
        inspect.signature(aiohttp.TCPConnector.connect).bind(None, None, [], None)
        inspect.signature(ResponseHandler.set_response_params).bind(None, read_until_eof=True, auto_decompress=False)
        inspect.signature(ResponseHandler.read).bind(None)
    except (AttributeError, TypeError, ValueError):
        return False
    return True


_WATCHED = ("reuseconn", "create_end", "queued_start", "queued_end")


@cache
def _tells_of_connections() -> bool:
    # The trace of the connection has methods of these names, which say whether it was used before.
    return has_expected_api() and all(hasattr(Trace, f"send_connection_{moment}") for moment in _WATCHED)


def is_plain_borrowed(session: aiohttp.ClientSession) -> bool:
    """Whether a borrowed session adds nothing to a request now: its owner may change it at any time."""
    state = vars(session)
    return (
        type(session) is aiohttp.ClientSession
        and type(session.connector) is aiohttp.TCPConnector
        and is_unhooked(session)
        and not (session.headers or session.trust_env or any(map(state.get, _ADDITIONS)))
        and session.version == aiohttp.HttpVersion11
        and (state.get("_request_class"), state.get("_response_class")) == _CLASSES
        and not len(session.cookie_jar)
        and _tells_of_connections()
    )


def is_plain(session: aiohttp.ClientSession) -> bool:
    """Whether a session of ours adds nothing to a request: somebody may have patched how it is made."""
    more = (getattr(session, name, None) for name in _ADDITIONS)
    return has_expected_api() and not (session.trust_env or session.headers or session.trace_configs or any(more))
