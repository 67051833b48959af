"""Where processes share a quota, as frozen values that pickle."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import url2pathname

from attrs import Attribute, field, frozen
from attrs.validators import optional

from partoo_async._internal.checks import check_file, check_fraction, check_seconds, check_text, valid
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.secret import hide
from partoo_async.errors import ConfigurationError

__all__ = ["Description", "FileQuota", "RedisQuota", "description_of", "store_name"]

_SCHEMES = ("redis", "rediss", "unix")
_FORMS = "file:///path, redis://host/0, rediss://host/0 or unix:///path"
# Query parameters that are no secrets; the password may be one, too.
_SHOWN = {"db", "name", "protocol"}


@total_repr
@frozen
class FileQuota:
    """A quota that the processes of one host share by a file. Needs no server.

    The file may hold several quotas: one for each server and key. Its directory must exist, on a disk of this host and
    writable for every process.

    Attributes:
        path: The file, made if it is missing.
        fallback: Fraction of the quota that each process takes while the file cannot be used, 0.1 by default.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    path: str | os.PathLike[str] = field(validator=valid(check_file))
    fallback: float = field(default=0.1, kw_only=True, validator=valid(check_fraction, zero=False))


def _checked_url(_: object, attribute: Attribute[str], value: object) -> None:
    problem = _url_problem(str(value))
    if problem:
        raise ConfigurationError(f"{attribute.name}: {problem}")


def _url_problem(url: str) -> str:
    # What stands in the URL is not told: a part of a password may look like any other part.
    expected = "expected redis://host:6379/0, rediss://... or unix:///path/of/socket"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"{expected}; this one does not parse, perhaps since the password needs %XX for its / ? # or ["
    if parts.scheme not in _SCHEMES:
        return expected
    if not (parts.path.strip("/") if parts.scheme == "unix" else host):
        return f"{expected}; this one names no {'socket' if parts.scheme == 'unix' else 'host'}"
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d*/?", parts.path):
        return f"{expected}; the path is the number of the database"
    return ""


def _shown_url(url: str) -> str:
    if _url_problem(url):
        return "'***'"
    rest, _, query = url.partition("?")
    scheme, _, place = rest.partition("://")
    _, at, host = place.rpartition("@")
    shown = [f"{name}={value if name in _SHOWN else '***'}" for name, value in parse_qsl(query, keep_blank_values=True)]
    return repr(f"{scheme}://{'***@' if at else ''}{host}{'?' if shown else ''}{'&'.join(shown)}")


@total_repr
@frozen
class RedisQuota:
    """A quota that processes of any number of hosts share by a Redis server. Needs the extra ``redis``.

    Attributes:
        url: As redis-py takes it: ``redis://``, ``rediss://`` (TLS) or ``unix://``. Never shown with its password.
        name: The organization. By default each key has a quota of its own; one name joins all keys, such as the old and
            the new one. Needed if ``api_key`` is a callable.
        fallback: Fraction of the quota that each process takes while Redis cannot be reached, 0.1 by default.
        timeout: Seconds for an exchange with Redis, 1 by default.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    url: str = field(converter=hide, validator=_checked_url, repr=_shown_url)
    name: str | None = field(default=None, kw_only=True, validator=optional(valid(check_text)))
    fallback: float = field(default=0.1, kw_only=True, validator=valid(check_fraction, zero=False))
    timeout: float = field(default=1.0, kw_only=True, validator=valid(check_seconds))

    @name.validator
    def _names_something(self, _: Attribute[str | None], value: str | None) -> None:
        if value is not None and not value.strip():
            raise ConfigurationError("name: expected the name of an organization, not an empty string")


Description: TypeAlias = FileQuota | RedisQuota


def description_of(source: str, url: str) -> Description:
    """Return what a URL describes. Its query may have ``fallback`` and, for Redis, ``name`` and ``timeout``.

    Args:
        source: Where it comes from, for errors.
        url: The URL.

    Raises:
        ConfigurationError: It describes no quota.
    """
    url = hide(url.strip())
    scheme = url.partition(":")[0]
    try:
        if scheme == "file":
            return _file_of(url)
        if scheme in _SCHEMES:
            return _redis_of(url)
    except ConfigurationError as error:
        problem = str(error)
    else:
        problem = f"expected a URL: {_FORMS}"
    raise ConfigurationError(f"{source}: {problem}")


def _split(url: str, *names: str) -> tuple[str, dict[str, Any]]:
    """Take these parameters out of the query."""
    rest, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    own: dict[str, Any] = {name: value for name, value in pairs if name in names}
    for name in {"fallback", "timeout"} & own.keys():
        try:
            own[name] = float(own[name])
        except ValueError:
            raise ConfigurationError(f"{name}: expected a number") from None
    others = urlencode([(name, value) for name, value in pairs if name not in names])
    return f"{rest}?{others}" if others else rest, own


def _file_of(url: str) -> FileQuota:
    bare, own = _split(url, "fallback")
    parts = urlsplit(bare)
    nowhere = not bare.startswith("file://") or parts.netloc not in ("", "localhost") or not parts.path.strip("/")
    if nowhere or parts.query or parts.fragment:
        raise ConfigurationError("expected file:///path/of/the/file, with three slashes, and %XX for its ? or #")
    return FileQuota(url2pathname(parts.path), **own)


def _redis_of(url: str) -> RedisQuota:
    problem = _url_problem(url)
    if problem:
        raise ConfigurationError(problem)
    bare, own = _split(url, "name", "fallback", "timeout")
    return RedisQuota(bare, **own)


def store_name(base_url: str, owner: str) -> str:
    """Return what a quota is called in a store.

    Args:
        base_url: The server.
        owner: Name of the organization, or fingerprint of the key, which so stays out of the store.
    """
    return "partoo:quota:" + hashlib.sha256(f"quota\n{base_url}\n{owner}".encode()).hexdigest()[:32]
