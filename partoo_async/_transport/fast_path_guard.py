"""Whether requests may go past ``ClientSession.request``: if aiohttp is as it was, and if nobody stands in between."""

from __future__ import annotations

import inspect
import types
from functools import cache

import aiohttp
import aiohttp.client
from aiohttp.client_proto import ResponseHandler

__all__ = ["is_plain", "is_untouched"]


def _entrances() -> tuple[object, object]:
    return getattr(aiohttp.ClientSession, "_request", None), getattr(aiohttp.ClientSession, "request", None)


# What mocks and tracers replace to see every request: one that took another way would escape them.
_OWN_ENTRANCES = _entrances()


def is_untouched(session: aiohttp.ClientSession) -> bool:
    """Whether nothing has been put in the way of aiohttp's requests until now. Asked for each of them."""
    cls = aiohttp.ClientSession
    return (cls._request, cls.request) == _OWN_ENTRANCES and not session.trace_configs


@cache
def is_as_it_was() -> bool:
    """Whether aiohttp has what the direct route uses, under the same names and with the same parameters."""
    # The globals of a function are those of its home; names can be copied by one that replaced it before this import.
    home = vars(aiohttp.client)
    if not all(type(own) is types.FunctionType and own.__globals__ is home for own in _OWN_ENTRANCES):
        return False
    try:
        inspect.signature(aiohttp.ClientRequest).bind("GET", None, headers=None, loop=None, ssl=None)
        inspect.signature(aiohttp.TCPConnector.connect).bind(None, None, [], None)
        inspect.signature(ResponseHandler.set_response_params).bind(None, read_until_eof=True, auto_decompress=False)
        inspect.signature(ResponseHandler.read).bind(None)
    except (AttributeError, TypeError, ValueError):
        return False
    return True


def is_plain(session: aiohttp.ClientSession) -> bool:
    """Whether a session of ours does with a request what we would: one whose making was patched may do more."""
    more = (getattr(session, name, None) for name in ("_middlewares", "_default_proxy", "_default_auth"))
    return is_as_it_was() and not (session.trust_env or session.headers or session.trace_configs or any(more))
