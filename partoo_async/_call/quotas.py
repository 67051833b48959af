"""Which quota the calls of a session use: the one that it was given, else the process's for its server and key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from partoo_async._internal.checks import check_kind
from partoo_async._internal.secret import Secret
from partoo_async.quota import Quota, known_quota, shared_quota

if TYPE_CHECKING:
    from partoo_async._call.settings import Settings

__all__ = ["Quotas"]


class Quotas:
    """The quota of one session, or with a callable for the key, those of the keys that it gives.

    ``given``: an explicit one, which is the caller's decision and stays.
    """

    def __init__(self, settings: Settings, given: Quota | None) -> None:
        self._settings = settings
        self.given: Quota | None = check_kind("quota", given, Quota, type(None))
        self._latest: Quota | None = given
        self._fingerprint: str | None = None
        self._holds_reserve = False

    def copy(self, settings: Settings, *, anew: bool) -> Quotas:
        """Return those of a session with other settings. ``anew``: a given quota does not fit them any more."""
        other = Quotas(settings, None if anew else self.given)
        # What was said of visitors before a key was known holds for every key.
        other._holds_reserve = self._holds_reserve or (self._latest is not None and self._latest.holds_reserve)
        return other

    @property
    def latest(self) -> Quota:
        """That of the key that was used last; of no key, and not shared, before a callable gave the first one."""
        if self._latest is not None:
            return self._latest
        if isinstance(self._settings.api_key, Secret):
            return self.of(self._settings.api_key)
        self._latest = Quota(self._settings.rate_limit)
        if self._holds_reserve:
            self._latest.hold_reserve()
        return self._latest

    def of(self, key: Secret) -> Quota:
        """Return the quota that calls with this key use."""
        if self._latest is not None and (self.given is not None or self._fingerprint == key.fingerprint):
            return self._latest
        identity, limit = (self._settings.server.base_url, key.fingerprint), self._settings.rate_limit
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return known_quota(identity, limit)
        found = shared_quota(loop, identity, limit)
        if self._holds_reserve or (self._latest is not None and self._latest.holds_reserve):
            self._holds_reserve = True
            found.hold_reserve()
        self._latest, self._fingerprint = found, key.fingerprint
        return found

    def forget(self) -> None:
        """Look for it anew: the loop is another one, whose clock may be, too."""
        self._holds_reserve = self._holds_reserve or (self._latest is not None and self._latest.holds_reserve)
        self._latest, self._fingerprint = self.given, None
