"""Hints at mistakes for which Python's own error does not name the mend. Type checkers find them themselves."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

__all__ = ["AsyncOnly", "CollectedOnly", "hint_at_keywords", "keyword_hint", "to_iterate"]

F = TypeVar("F", bound="Callable[..., Any]")

# What an option is called elsewhere, and how the same is said here.
_ELSEWHERE = {
    **dict.fromkeys(("max_retries", "retries", "total_retries"), "retry=RetryPolicy(max_retries=...)"),
    **dict.fromkeys(("backoff", "backoff_factor"), "retry=RetryPolicy(initial_backoff=..., max_backoff=...)"),
    **dict.fromkeys(("base_url", "url", "host", "endpoint", "api_url"), 'server="https://..."'),
    **dict.fromkeys(("sandbox", "environment", "env"), 'server="sandbox"'),
    **dict.fromkeys(("token", "key", "apikey", "api_token", "access_token", "auth", "x_api_key"), "api_key=..."),
    **dict.fromkeys(("headers", "default_headers"), "session=aiohttp.ClientSession(headers=...)"),
    **dict.fromkeys(("verify", "ssl", "cert", "verify_ssl"), "ssl_context=ssl.create_default_context(cafile=...)"),
    "proxies": 'proxy="http://..."',
    **dict.fromkeys(("http_client", "client", "connector"), "session=aiohttp.ClientSession(...)"),
    **dict.fromkeys(("connect_timeout", "read_timeout", "request_timeout"), "attempt_timeout=..."),
    **dict.fromkeys(("concurrency", "max_connections", "pool_size", "max_workers"), "max_concurrency=..."),
    **dict.fromkeys(("requests", "rate", "per_minute", "requests_per_minute"), "rate_limit=RateLimit(requests=...)"),
    "share": "rate_limit=RateLimit(share=...)",
    **dict.fromkeys(("cache", "ttl"), "cache_ttl=..."),
    **dict.fromkeys(("debug", "log_level", "logger"), "PARTOO_LOG=debug in the environment, or logging"),
    "loop": "nothing: a client works in the loop that runs when it is first used",
}


def keyword_hint(name: str, known: Iterable[str]) -> str:
    """Return what to say behind the complaint about an unknown option, "" for nothing."""
    if name in _ELSEWHERE:
        return f"; here it is {_ELSEWHERE[name]}"
    import difflib  # noqa: PLC0415 - for mistakes alone

    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def hint_at_keywords(init: F, covers: Mapping[str, Callable[[Any], Any]]) -> F:
    """Return ``init`` with a hint in its error for unknown keywords. The first of ``covers`` may come by position.

    Args:
        init: The ``__init__`` of a class. All arguments but the first are keywords.
        covers: What hides an argument from tracebacks.
    """
    first, known = next(iter(covers)), {*covers, *(init.__kwdefaults__ or {})}
    name = init.__qualname__.partition(".")[0]

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **options: Any) -> None:
        problem = ""
        for option in options.keys() - known:
            problem = f"{name}() got an unexpected keyword argument {option!r}{keyword_hint(option, known)}"
        if len(args) > 1:
            problem = f"{name}() takes {first} alone by position; name the other arguments, such as server=..."
        if problem:
            del args, options  # no frame of the traceback is to hold the key
            raise TypeError(problem)
        if args:
            args = (covers[first](args[0]),)
        options |= {one: cover(options[one]) for one, cover in covers.items() if one in options}
        init(self, *args, **options)

    return checked  # type: ignore[return-value]  # it has the signature of ``init``


class AsyncOnly:
    """The base of what ``async with`` is for."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__}: use 'async with', not 'with'")

        def __exit__(self, *_: object) -> None:
            """Only so that ``with`` gets as far as ``__enter__``."""


class CollectedOnly(AsyncOnly):
    """The same of what yields items, and has a ``collect()``."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__}: use 'async for' inside 'async with', not 'for'")

        def __await__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__}: await its collect(), or use 'async with' and 'async for'")


class _AsyncItems:
    """What an async generator function returned, with a hint for ``for`` and ``await``."""

    def __init__(self, items: AsyncIterator[Any], call: str) -> None:
        self._items, self._call = items, call

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._items, name)  # aclose, asend, __anext__ called by name

    def __anext__(self) -> Any:
        return self._items.__anext__()

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self._call}: use 'async for', not 'for'")

    def __await__(self) -> NoReturn:
        raise TypeError(f"{self._call}: nothing to await; use 'async for', or [item async for item in {self._call}]")


def to_iterate(function: F) -> F:
    """Return an async generator method with a hint for those who write ``for`` or ``await``."""
    owner, _, name = function.__qualname__.rpartition(".")

    # A function again, and no object in its place: mocks take the signature of a class from its functions.
    @functools.wraps(function)
    def iterate(*args: Any, **options: Any) -> Any:
        return _AsyncItems(function(*args, **options), f"{owner.lower()}.{name}(...)")

    return iterate  # type: ignore[return-value]  # it iterates as the function does
