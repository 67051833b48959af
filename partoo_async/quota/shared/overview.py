"""Who uses the quotas of a store, for people to read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async._internal.callables import in_daemon
from partoo_async.errors import ConfigurationError
from partoo_async.quota.shared.connect import store_of
from partoo_async.quota.shared.descriptions import Description, FileQuota
from partoo_async.quota.shared.store import StoreError

if TYPE_CHECKING:
    from partoo_async.quota.shared.messages import State

__all__ = ["MemberView", "QuotaView", "overview", "quotas_in"]

# Seconds, for a person who waits.
_TIMEOUT = 5.0


@frozen
class MemberView:
    """What one process has of a quota.

    Attributes:
        member: Host, process id, and some digits.
        held: Slots that it has: unused, or with a request in flight.
        cooling: Slots of requests that were answered less than a window ago.
        waiting_interactive: Interactive calls that wait.
        waiting_bulk: Bulk work that waits.
        alive: Whether it was heard of lately.
    """

    member: str
    held: int
    cooling: int
    waiting_interactive: int
    waiting_bulk: int
    alive: bool


@frozen
class QuotaView:
    """One quota of a store at a moment.

    Attributes:
        quota: Its name in the store.
        limit: Requests in a window; None while nobody uses it.
        window: Seconds for which a slot is taken after its response; None while nobody uses it.
        used: Slots taken.
        paused_for: Seconds that are left of a pause after a 429.
        settling_for: Seconds for which the store waits for reports, since it is new, or lost some.
        members: The processes.
    """

    quota: str
    limit: int | None
    window: float | None
    used: int
    paused_for: float
    settling_for: float
    members: tuple[MemberView, ...]


def overview(name: str, state: State, now: int) -> QuotaView:
    """Return what a state says at a time in milliseconds."""
    members, alive = [], []
    for member, owner in sorted(state["owners"].items()):
        cooling = sum(slots for free_at, slots in owner["cooling"] if free_at > now)
        is_alive = owner["expires"] > now
        if is_alive:
            alive.append(owner)
        if is_alive or cooling or owner["held"]:
            counts = (owner["held"], cooling, owner["interactive"], owner["bulk"])
            members.append(MemberView(member, *counts, is_alive))
    return QuotaView(
        quota=name.removeprefix("partoo:quota:"),
        limit=min((owner["limit"] for owner in alive), default=None),
        window=max((owner["hold"] / 1000 for owner in alive), default=None),
        used=sum(member.held + member.cooling for member in members),
        paused_for=max(0, state["paused"] - now) / 1000,
        settling_for=max(0, state["settled"] - now) / 1000,
        members=tuple(members),
    )


async def quotas_in(description: Description) -> list[QuotaView]:
    """Return the quotas of a store.

    Raises:
        ConfigurationError: The store cannot be used.
    """
    if isinstance(description, FileQuota) and not await in_daemon(os.path.exists, description.path):
        raise ConfigurationError(f"quota: there is no file {os.fspath(description.path)}")
    found = []
    store = store_of(description, "", _TIMEOUT)
    try:
        await store.open()
        async for name, state, now in store.look_all():
            found.append(overview(name, state, now))
    except StoreError as error:
        raise ConfigurationError(f"quota: {error}") from error
    finally:
        await store.aclose()
    return found
