"""Whose quota a command keeps: its own, or one that it shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from partoo_async.cli.doctor.finding import Finding, failed, found
from partoo_async.cli.doctor.setup import without_password
from partoo_async.cli.exit_codes import UNREACHED, USAGE
from partoo_async.cli.text import amount, one_line
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from partoo_async.quota import QuotaSnapshot

__all__ = ["check_quota"]


async def check_quota(
    option: str | None, environment: Mapping[str, str], snapshot: QuotaSnapshot | None, limit: float
) -> Finding:
    """Look at the quota, of which a client may have a snapshot after its request."""
    given = option or environment.get("PARTOO_QUOTA", "").strip()
    source = "--quota" if option else "PARTOO_QUOTA"
    size = "" if snapshot is None or snapshot.limit is None else f"{snapshot.limit} in {snapshot.per:g} s"
    if not given:
        text = (
            f"this process alone counts{f', up to {size}' if size else ''}; other programs with the key do not see it"
        )
        return found("quota", text, mode="own")
    # Here, so that no other command imports them.
    from partoo_async.quota.shared.descriptions import FileQuota, description_of  # noqa: PLC0415
    from partoo_async.quota.shared.overview import quotas_in  # noqa: PLC0415

    try:
        description = description_of(source, given)
    except ConfigurationError as error:
        return failed("quota", one_line(str(error)), f"set {source} to a URL such as file:///path", USAGE)
    shown = without_password(given)
    new_file = isinstance(description, FileQuota) and snapshot is None
    try:
        async with asyncio.timeout(limit):
            found_there = await quotas_in(description)
    except (ConfigurationError, TimeoutError) as error:
        if new_file and "there is no file" in str(error):
            return found("quota", f"shared by {shown}, which nobody has used yet", mode="shared", members=0)
        problem = one_line(str(error)).removeprefix("quota: ") or f"no answer within {limit:g} s"
        advice = "start the store, or look at its address: until then each process takes only a part of the quota"
        return failed("quota", f"{shown} cannot be used: {problem}", advice, UNREACHED, mode="fallback")
    members = sum(member.alive for one in found_there for member in one.members)
    text = f"shared by {shown}: {amount(members, 'member')}{f', {size}' if size else ''}; see 'partoo quota'"
    return found("quota", text, mode="shared" if snapshot is None else snapshot.mode, members=members)
