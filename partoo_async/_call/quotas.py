"""The quota of a session's calls: a given one, else that of the process for the server and key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from partoo_async._internal.checks import check_kind
from partoo_async._internal.secret import Secret
from partoo_async.quota import Quota, known_quota, shared_quota

if TYPE_CHECKING:
    from partoo_async._call.settings import Settings

__all__ = ["SessionQuotas"]


class SessionQuotas:
    """The quotas of one session: several if a callable gives several keys."""

    def __init__(self, settings: Settings, given: Quota | None) -> None:
        self._settings = settings
        self._given: Quota | None = check_kind("quota", given, Quota, type(None))
        self._current: Quota | None = self._given
        self._fingerprint: str | None = None
        self._reserve_held = False
        self._started = False

    async def start(self) -> None:
        """Connect a given quota to its store, if processes share one."""
        if self._given is not None and not self._started:
            await self._given.start()
            self._started = True

    async def aclose(self) -> None:
        """Disconnect what ``start`` connected."""
        if self._given is not None and self._started:
            self._started = False
            await self._given.aclose()

    def copy(self, settings: Settings, *, keep_given: bool) -> SessionQuotas:
        """Return the quotas of a copy of the session."""
        copy = SessionQuotas(settings, self._given if keep_given else None)
        copy._reserve_held = self._holds_reserve()
        return copy

    @property
    def current(self) -> Quota:
        """The quota of the key used last."""
        if self._current is not None:
            return self._current
        if isinstance(self._settings.api_key, Secret):
            return self.for_key(self._settings.api_key)
        # A callable has not given a key yet: this quota stays unused.
        self._current = Quota(self._settings.rate_limit)
        if self._reserve_held:
            self._current.hold_reserve()
        return self._current

    def for_key(self, key: Secret) -> Quota:
        """Return the quota of a key, and make it the current one."""
        if self._current is not None and (self._given is not None or self._fingerprint == key.fingerprint):
            return self._current
        identity, limit = (self._settings.server.base_url, key.fingerprint), self._settings.rate_limit
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return known_quota(identity, limit)  # looked at only: a quota keeps the time of a loop
        found = shared_quota(loop, identity, limit)
        if self._holds_reserve():
            self._reserve_held = True
            found.hold_reserve()
        self._current, self._fingerprint = found, key.fingerprint
        return found

    def reset(self) -> None:
        """Find the quota anew."""
        # For another event loop, whose clock may differ.
        self._reserve_held = self._holds_reserve()
        self._current, self._fingerprint = self._given, None

    def _holds_reserve(self) -> bool:
        # Held for one key is held for every key: a web application says so before it knows any.
        return self._reserve_held or (self._current is not None and self._current.holds_reserve)
