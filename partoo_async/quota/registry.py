"""One quota for each server, key and limit in a process."""

from __future__ import annotations

import math
import os
import time
import weakref
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from partoo_async.quota.event_loops import LOCK, has_own_clock
from partoo_async.quota.quota import EVERY_QUOTA, Quota

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable

    from partoo_async.policy import RateLimit
    from partoo_async.quota.backend import Backend

__all__ = ["Registry", "shared_quota"]

# How many are looked at for each that comes in: more than one, so that they get fewer.
_LOOKS = 3


class _Family(WeakValueDictionary["RateLimit | None", "SharedQuota"]):
    """The quotas of one key, by limit. A 429 pauses all, but each counts its own sends."""


class SharedQuota(Quota):
    """A quota that is kept while it has a history."""

    def __init__(
        self, rate_limit: RateLimit | None, family: _Family, registry: Registry, backend: Backend | None
    ) -> None:
        super().__init__(rate_limit, backend=backend)
        self._loops.bind(registry.loop(), registry.clock)
        self._family = family  # which the registry knows as long as one of its quotas lives
        self._registry = registry
        self.kept: bool = False
        for relative in list(family.values()):
            now, opens = registry.clock(), relative._gate.paused_until
            if now < opens:
                self._gate.pause(now, opens)
        family[rate_limit] = self

    def _keep(self) -> None:
        self.kept = True
        self._registry.kept[self] = None

    def _relatives(self) -> list[Quota]:
        return [quota for quota in self._family.values() if quota is not self]


class Registry:
    """The quotas under one clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop: Callable[[], asyncio.AbstractEventLoop | None] = weakref.ref(loop) if loop else lambda: None
        self.clock: Callable[[], float] = self._own_time if loop else time.monotonic
        self._families: WeakValueDictionary[Hashable, _Family] = WeakValueDictionary()
        self.kept: dict[SharedQuota, None] = {}

    def _own_time(self) -> float:
        loop = self.loop()  # not kept alive from here; without it all is over
        return math.inf if loop is None else loop.time()

    def find(
        self, identity: Hashable, rate_limit: RateLimit | None, make: Callable[[], Backend] | None = None
    ) -> SharedQuota:
        """Return a quota, made if there is none yet."""
        with LOCK:
            self.sweep()
            family = self._families.get(identity)
            if family is None:
                family = self._families[identity] = _Family()
            return family.get(rate_limit) or SharedQuota(rate_limit, family, self, make() if make else None)

    def sweep(self) -> None:
        """Let some go that have cooled."""
        for _ in range(min(_LOOKS, len(self.kept))):
            quota = next(iter(self.kept))
            del self.kept[quota]
            if quota.is_cool():
                quota.kept = False
            else:
                self.kept[quota] = None


_process = Registry()
_own: WeakKeyDictionary[asyncio.AbstractEventLoop, Registry] = WeakKeyDictionary()  # tests have clocks of their own


def shared_quota(
    loop: asyncio.AbstractEventLoop | None,
    identity: Hashable,
    rate_limit: RateLimit | None,
    make: Callable[[], Backend] | None = None,
) -> Quota:
    """Return the quota of an identity.

    Args:
        loop: The one that runs. None: the quota is looked at only.
        identity: URL, key's fingerprint or name, and where processes share it.
        rate_limit: What it allows.
        make: Makes the backend, if it is not this process.
    """
    own = loop is not None and has_own_clock(loop)
    registry = _own.setdefault(loop, Registry(loop)) if own and loop else _process
    return registry.find(identity, rate_limit, make)


def forget() -> None:
    """Start anew. For tests, whose servers take each other's ports."""
    global _process  # noqa: PLW0603 - it stands for the process
    _process = Registry()


def _after_fork() -> None:
    # The parent's loops do not run here. What it has sent by now counts, what it sends later is its own affair.
    for quota in list(EVERY_QUOTA):
        quota.forked()
    LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_after_fork)
