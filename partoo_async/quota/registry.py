"""One quota for all that uses one key in a process, found by server, key and limit, whatever clients and loops come."""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from partoo_async.quota.event_loops import LOCK, has_own_clock, weak_clock
from partoo_async.quota.quota import EVERY_QUOTA, Quota

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable

    from partoo_async.policy import RateLimit

__all__ = ["Registry", "known_quota", "shared_quota"]

# How many of those that are kept are looked at for each that comes in: more than one, so that they get fewer.
_LOOKS = 3


class _Family:
    """The quotas of one identity: one for each limit that its clients have. A 429 pauses all of them.

    Each counts what goes through itself: with the sends of the others, one with a small limit would starve.
    """

    __slots__ = ("__weakref__", "quotas")

    def __init__(self) -> None:
        self.quotas: WeakValueDictionary[RateLimit | None, SharedQuota] = WeakValueDictionary()


class SharedQuota(Quota):
    """A quota that is found by its identity, and kept until what was sent has cooled, with or without a client."""

    def __init__(self, rate_limit: RateLimit | None, family: _Family, registry: Registry) -> None:
        super().__init__(rate_limit)
        self._loops.bind(registry.loop(), registry.clock)
        self._family = family  # which the registry knows as long as one of its quotas lives
        self._registry = registry
        self.kept = False
        for relative in list(family.quotas.values()):
            now, opens = registry.clock(), relative._gate.paused_until
            if now < opens:
                self._gate.pause(now, opens)
        family.quotas[rate_limit] = self

    def _keep(self) -> None:
        self._registry.keep(self)

    def _relatives(self) -> list[Quota]:
        return [quota for quota in self._family.quotas.values() if quota is not self]


class Registry:
    """What is known of quotas under one clock. It holds those that have a history, clients hold theirs.

    ``loop``: one that keeps a time of its own, None for all others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop: Callable[[], asyncio.AbstractEventLoop | None] = (
            (lambda: None) if loop is None else weakref.ref(loop)
        )
        self.clock: Callable[[], float] = time.monotonic if loop is None else weak_clock(loop)
        self._families: WeakValueDictionary[Hashable, _Family] = WeakValueDictionary()
        self._kept: dict[SharedQuota, None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, identity: Hashable, rate_limit: RateLimit | None) -> SharedQuota:
        """Return the quota of an identity and a limit, made if there is none yet."""
        with LOCK:
            self.sweep()
            family = self._families.get(identity)
            if family is None:
                family = self._families[identity] = _Family()
            return family.quotas.get(rate_limit) or SharedQuota(rate_limit, family, self)

    def keep(self, quota: SharedQuota) -> None:
        """Hold a quota until it has cooled."""
        quota.kept = True
        self._kept[quota] = None

    def sweep(self) -> None:
        """Let some go that have cooled."""
        for _ in range(min(_LOOKS, len(self._kept))):
            quota = next(iter(self._kept))
            del self._kept[quota]
            if quota.is_cool():
                quota.kept = False
            else:
                self._kept[quota] = None


_process = Registry()
# A test's loop may keep a time of its own, that the others know nothing of.
_own: WeakKeyDictionary[asyncio.AbstractEventLoop, Registry] = WeakKeyDictionary()


def shared_quota(loop: asyncio.AbstractEventLoop, identity: Hashable, rate_limit: RateLimit | None) -> Quota:
    """Return the quota of this identity (server and key's fingerprint) and limit, made if there is none yet."""
    registry = _own.setdefault(loop, Registry(loop)) if has_own_clock(loop) else _process
    return registry.find(identity, rate_limit)


def known_quota(identity: Hashable, rate_limit: RateLimit | None) -> Quota:
    """Return the same where no loop runs."""
    return _process.find(identity, rate_limit)


def forget() -> None:
    """Start anew, as a new process would. For tests, whose servers take each other's ports."""
    global _process  # noqa: PLW0603 - it stands for the process
    _process = Registry()


def _after_fork() -> None:
    """The loops of the parent do not run here. What it has sent by now counts, what it will send is its own affair."""
    for quota in list(EVERY_QUOTA):
        quota.drop_closed_loops(everyone=True)
    LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_after_fork)
