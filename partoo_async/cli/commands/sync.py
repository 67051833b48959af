"""``partoo sync``: the nightly job as one command. With ``--exit-code`` its exit codes are those of ``partoo diff``."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from partoo_async.cli.commands.scan import (
    NOTHING_TO_VERIFY,
    Progress,
    StrategyName,
    VerifiedGroups,
    refuse,
    verified,
)
from partoo_async.cli.exit_codes import FAILED_GROUPS, OK
from partoo_async.cli.help import epilog
from partoo_async.cli.listeners import Holds
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.progress import ProgressMode, choose_display
from partoo_async.cli.streams import require_stdout, say

if TYPE_CHECKING:
    from partoo_async.nightly.options import SyncOptions

__all__ = ["EPILOG", "sync", "sync_options"]

SYNC_CODES = (
    (OK, "everything was read, and loaded; with --exit-code: and nothing changed"),
    (FAILED_GROUPS, "something could not be read; with --exit-code: something changed"),
    (2, "an error; with --exit-code: or nothing changed, but not all was read"),
)

State = Annotated[
    str, typer.Option(metavar="DIR", help="Directory for what is known from one run to the next.", show_default=False)
]
To = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Load into this database: duckdb:///file, sqlite:///file, postgresql://..., or the name of a dlt"
        " destination. Default: the variable PARTOO_TO, which is the place for a URL with a password.",
        show_default=False,
    ),
]
ReportFile = Annotated[str | None, typer.Option(metavar="FILE", help="Write a report to look at: .html, .md or .json.")]
StrategyOption = Annotated[StrategyName, typer.Option(help="How to read the groups, as for partoo scan --all.")]
OrganizationOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID|NAME",
        help="Id of another organization, for keys of the PROVIDER role; or a name for this one. A column of the tables"
        " has it, so that several organizations share them.",
    ),
]
History = Annotated[bool, typer.Option("--history", help="Keep former rows, with the time until which they held.")]
Dataset = Annotated[str, typer.Option(metavar="NAME", help="Schema of the tables.")]
Keep = Annotated[int, typer.Option(min=0, metavar="N", help="How many journals of earlier scans to keep.")]


def sync_options(  # noqa: PLR0917 - what two commands were given
    state: str,
    to: str | None,
    report: str | None,
    strategy: StrategyName,
    verify: str | None,
    organization: str | None,
    history: bool,
    dataset: str,
    keep: int,
) -> SyncOptions:
    """Return what these options ask for. Raises ``ConfigurationError``."""
    from partoo_async.nightly.options import SyncOptions  # noqa: PLC0415 - see ``sync``

    refuse((verify is not None and strategy is StrategyName.GROUPS, NOTHING_TO_VERIFY))
    is_id = organization is not None and organization.isascii() and organization.isdigit()
    return SyncOptions.checked(
        state,
        os.environ.get("PARTOO_TO", "").strip() or None if to is None else to,
        report,
        strategy=strategy.value,
        organization=int(organization) if organization and is_id else organization,
        history=history,
        dataset=dataset,
        keep=keep,
        **verified(verify),
    )


EPILOG = epilog(
    ("partoo sync --state state --to sqlite:///partoo.sqlite", "the nightly job: read, compare, load"),
    ("partoo sync --state state --report report.html --exit-code", "a page about the changes, and 1 if there are any"),
    codes=SYNC_CODES,
)


@with_options
def sync(  # noqa: PLR0917 - typer reads one parameter per option, by name
    client: ClientOptions,
    state: State,
    to: To = None,
    report: ReportFile = None,
    strategy: StrategyOption = StrategyName.AUTO,
    verify: VerifiedGroups = None,
    organization: OrganizationOption = None,
    history: History = False,
    dataset: Dataset = "partoo",
    keep: Keep = 7,
    as_diff: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if something changed, as partoo diff does.")
    ] = False,
    progress: Progress = ProgressMode.AUTO,
) -> int:
    """Read everything, say what changed since the last run, and load it into a database.

    What changed goes to standard output, everything else to standard error.

    It may be killed at any moment: started again, it goes on. What cannot be read keeps its rows.
    """

    # Here, so that no other command imports SQLite.
    from partoo_async.cli.sync_output import SYNC, exit_code_of, run_shown  # noqa: PLC0415

    async def run() -> int:
        require_stdout()
        chosen = sync_options(state, to, report, strategy, verify, organization, history, dataset, keep)
        display = choose_display(progress, streaming=False, words=SYNC, quiet=client.quiet)
        async with client.connect(on_event=None if client.quiet else Holds()) as partoo:
            try:
                result = await run_shown(partoo, chosen, display, quiet=client.quiet)
            except asyncio.CancelledError:
                say("nothing is lost: started again, it goes on")
                raise
        return exit_code_of(result, as_diff=as_diff)

    return execute(run)
