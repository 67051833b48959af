"""``partoo quota``: who uses the quotas that processes share, and how much of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import Json
from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.cli.text import amount, clean, duration
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from partoo_async.quota.shared.overview import QuotaView

__all__ = ["EPILOG", "quota"]

# Of a quota's name: enough to tell a few of them apart.
_SHOWN = 8


EPILOG = epilog(
    ("partoo quota file:///var/lib/partoo/quota", "who shares the quota of this machine"),
    ("PARTOO_QUOTA=redis://cache/0 partoo quota --json", "that of a store, as JSON"),
)


def quota(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]",
            help="Where the quotas are: file:///path, redis://host/0, ... Default: the variable PARTOO_QUOTA.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show the quotas that processes share: members, used slots, pauses, and who holds what. Needs no key.

    A quota is named by a hash of its server and key, or of the name of the organization.
    """

    # Here, so that no other command imports them.
    from partoo_async.quota.shared.descriptions import description_of  # noqa: PLC0415
    from partoo_async.quota.shared.overview import quotas_in  # noqa: PLC0415

    async def run() -> int:
        given = url or os.environ.get("PARTOO_QUOTA")
        if not given:
            raise ConfigurationError("expected a URL, or one in the variable PARTOO_QUOTA")
        found = await quotas_in(description_of("quota" if url else "PARTOO_QUOTA", given))
        for one in found:
            if as_json:
                await print_json(attrs.asdict(one))
            else:
                say(_summary(one))
        if not found:
            say("no process has used a quota there")
        elif not as_json:
            columns = ("quota", "member", "held", "cooling", "interactive", "bulk", "state")
            cells = [row for one in found for row in _rows(one)]
            print_result(table(columns, cells, numbers=("held", "cooling", "interactive", "bulk")))
        return OK

    return execute(run, quota="URL")


def _summary(view: QuotaView) -> str:
    of = "" if view.limit is None or view.window is None else f" of {view.limit} in {view.window:.4g} s"
    alive = sum(member.alive for member in view.members)
    paused = f", paused for {duration(view.paused_for)}" if view.paused_for else ""
    settling = f", settling for {duration(view.settling_for)}" if view.settling_for else ""
    return f"quota {view.quota[:_SHOWN]}: {view.used} used{of}, {amount(alive, 'member')}{paused}{settling}"


def _rows(view: QuotaView) -> list[tuple[str, ...]]:
    return [
        (
            view.quota[:_SHOWN],
            clean(member.member),
            str(member.held),
            str(member.cooling),
            str(member.waiting_interactive),
            str(member.waiting_bulk),
            "" if member.alive else "gone",
        )
        for member in view.members
    ]
