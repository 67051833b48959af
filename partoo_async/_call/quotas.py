"""The quota of a session's calls: a given one, one that processes share, else that of the process."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from partoo_async._internal.checks import check_kind
from partoo_async._internal.secret import Secret, hide
from partoo_async.errors import ConfigurationError
from partoo_async.quota import Quota, shared_quota
from partoo_async.quota.event_loops import running_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from partoo_async._call.settings import Settings
    from partoo_async.policy import RateLimit
    from partoo_async.quota import Backend
    from partoo_async.quota.shared.descriptions import Description

__all__ = ["SessionQuotas", "hide_url", "named_after", "resolve_quota"]


def hide_url(quota: Any) -> Any:
    """Return a URL, which may have a password, with a repr that hides it."""
    return hide(quota) if isinstance(quota, str) else quota


def resolve_quota(given: object, rate_limit: RateLimit | None) -> Quota | Description | None:
    """Return the quota that was given, or what a value, a URL or ``PARTOO_QUOTA`` describes; else None."""
    source = "quota"
    if given is None and rate_limit is not None:
        source, given = "PARTOO_QUOTA", os.environ.get("PARTOO_QUOTA", "").strip() or None
    if given is None or isinstance(given, Quota):
        return given
    # Only now, so that nobody else imports it.
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota, description_of  # noqa: PLC0415 - above

    if rate_limit is None:
        raise ConfigurationError("quota: without a rate_limit there is nothing to share; leave one of them out")
    if isinstance(given, str):
        return description_of(source, given)
    described: Description = check_kind("quota", given, Quota, FileQuota, RedisQuota, str, type(None))
    return described


def named_after(organization: str, key: object, quota: Description | None) -> Description | None:
    """Return a quota with the organization's name, if nothing else tells whose it is."""
    # Redis tells quotas apart by their keys, and one that a callable gives is known to no two processes.
    if isinstance(key, Secret) or not organization or getattr(quota, "name", "") is not None:
        return quota
    named: Any = quota
    renamed: Description = evolve(named, name=organization)
    return renamed


class _Held:
    """The quotas with a store that one client uses, with its copies."""

    def __init__(self, original: _Held | None = None) -> None:
        self._mine: set[Quota] = set()
        self._everyone: Counter[Quota] = Counter() if original is None else original._everyone
        self._is_original = original is None

    def __contains__(self, quota: Quota) -> bool:
        return quota in self._mine

    def add(self, quota: Quota) -> None:
        if quota not in self._mine:
            self._mine.add(quota)
            self._everyone[quota] += 1
            quota.hold()

    async def release(self) -> None:
        # An original is closed with all of its copies, also those that nobody closed.
        leaving = list(self._everyone.elements() if self._is_original else self._mine)
        self._everyone.subtract(leaving)
        self._mine.clear()
        await asyncio.gather(*(quota.aclose() for quota in leaving))


class SessionQuotas:
    """The quotas of one session: several if a callable gives several keys."""

    def __init__(self, settings: Settings, given: Quota | Description | None, held: _Held | None = None) -> None:
        self._settings = settings
        self._given = given if isinstance(given, Quota) else None
        self._described = None if isinstance(given, Quota) else given
        self._held = held or _Held()
        self._current: Quota | None = self._given
        self._owner: str | None = None  # of the current one
        self._reserve_held = False
        self._started = False
        self._owns_held = True
        # FileQuota has no name: there a key that changes begins a quota of its own.
        if self._described is not None and self._owner_of(settings.api_key) is None and hasattr(given, "name"):
            raise ConfigurationError(
                "quota: an api_key that is a callable may give another key at any time; name the organization whose"
                " quota it is: RedisQuota(url, name=...), or ?name=... in the URL"
            )

    async def start(self) -> None:
        """Connect to the store, if processes share the quota and it is known by now."""
        if self._given is None:
            quota = self.current
            if quota in self._held:
                await quota.connect()
        elif not self._started:
            await self._given.start()
            self._started = True

    async def aclose(self) -> None:
        """Disconnect what was connected, if nobody else uses it."""
        if self._given is not None and self._started:
            self._started = False
            await self._given.aclose()
        if self._owns_held:
            await self._held.release()

    def copy(self, settings: Settings, described: Description | None, *, keep_given: bool) -> SessionQuotas:
        """Return the quotas of a copy of the session, with another description if there is one."""
        described = described or self._described
        given = described or (self._given if keep_given else None)
        before = self._settings
        same = settings.api_key == before.api_key and settings.server == before.server
        same = same and settings.rate_limit == before.rate_limit and described == self._described
        copy = SessionQuotas(settings, given, self._held if same else _Held(self._held))
        copy._owns_held = not same
        copy._reserve_held = self._holds_reserve()
        return copy

    def _owner_of(self, key: object) -> str | None:
        """The organization, if it has a name, else the key; None if a callable has not given one yet."""
        name: str | None = getattr(self._described, "name", None)
        return name or (key.fingerprint if isinstance(key, Secret) else None)

    @property
    def current(self) -> Quota:
        """The quota of the key used last."""
        if self._current is not None:
            return self._current
        owner = self._owner_of(self._settings.api_key)
        if owner is not None:
            return self._find(owner)
        # A callable has not given a key yet: this quota stays unused.
        self._current = Quota(self._settings.rate_limit)
        if self._reserve_held:
            self._current.hold_reserve()
        return self._current

    def for_key(self, key: Secret) -> Quota:
        """Return the quota of a key, and make it the current one."""
        owner = self._owner_of(key)
        if self._current is not None and (self._given is not None or self._owner == owner):
            return self._current
        return self._find(owner or key.fingerprint)

    def _find(self, owner: str) -> Quota:
        described, limit, base_url = self._described, self._settings.rate_limit, self._settings.server.base_url
        identity: tuple[Hashable, ...] = (base_url, owner)
        make: Callable[[], Backend] | None = None
        if described is not None and limit is not None:
            from partoo_async.quota.shared.connect import lease_of, place_of  # noqa: PLC0415 - see resolve_quota

            identity = (*identity, place_of(described))
            make = partial(lease_of, described, base_url, owner, limit)
        loop = running_loop()
        found = shared_quota(loop, identity, limit, make)
        if loop is None:
            return found  # looked at only: a quota keeps the time of a loop
        if make is not None:
            self._held.add(found)
        if self._holds_reserve():
            self._reserve_held = True
            found.hold_reserve()
        self._current, self._owner = found, owner
        return found

    def reset(self) -> None:
        """Find the quota anew."""
        # For another event loop, whose clock may differ.
        self._reserve_held = self._holds_reserve()
        self._current, self._owner = self._given, None

    def _holds_reserve(self) -> bool:
        # Held for one key is held for every key: a web application says so before it knows any.
        return self._reserve_held or (self._current is not None and self._current.holds_reserve)
