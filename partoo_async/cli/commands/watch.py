"""``partoo watch``: the nightly job, again and again."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from partoo_async.cli.commands.scan import StrategyName, VerifiedGroups
from partoo_async.cli.commands.sync import (
    Dataset,
    History,
    Keep,
    OrganizationOption,
    ReportFile,
    StrategyOption,
    To,
    sync_options,
)
from partoo_async.cli.help import epilog
from partoo_async.cli.listeners import Holds
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.streams import require_stdout

__all__ = ["EPILOG", "watch"]

Every = Annotated[
    str, typer.Option(metavar="TIME", help="From the beginning of a round to that of the next: 30s, 5m, 1h, 1d.")
]
Program = Annotated[
    str | None,
    typer.Option(
        "--exec",
        metavar="CMD",
        help="Run this when something changed, with the same lines on its standard input and no API key. If it fails,"
        " the changes come again with the next round.",
        show_default=False,
    ),
]
WatchState = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Directory for what is known from one round to the next. Default: a temporary one, so that a new start"
        " knows nothing.",
        show_default=False,
    ),
]


EPILOG = epilog(
    ("partoo watch --every 15m --state state", "a line of JSON for each change"),
    ("partoo watch --every 1h --exec './notify.sh'", "run a program when something changed"),
)


@with_options
def watch(  # noqa: PLR0917 - typer reads one parameter per option, by name
    client: ClientOptions,
    every: Every,
    program: Program = None,
    state: WatchState = None,
    to: To = None,
    report: ReportFile = None,
    strategy: StrategyOption = StrategyName.AUTO,
    verify: VerifiedGroups = None,
    organization: OrganizationOption = None,
    history: History = False,
    dataset: Dataset = "partoo",
    keep: Keep = 7,
) -> int:
    """Do what partoo sync does again and again, and print each change as one JSON object.

    When a round fails, it says so on standard error, and goes on with the next one.

    Ctrl-C and SIGTERM stop it (130 and 143); it ends by itself only if it cannot begin (2). Started again with the same
    --state, it goes on.
    """
    # Here, so that no other command imports SQLite.
    from partoo_async.cli.hand_over import environment_without, words_of  # noqa: PLC0415
    from partoo_async.cli.watch_output import Rounds  # noqa: PLC0415
    from partoo_async.nightly.rounds import seconds_of  # noqa: PLC0415
    from partoo_async.nightly.watch import repeat  # noqa: PLC0415

    async def run() -> int:
        require_stdout()
        seconds, words = seconds_of(every), [] if program is None else words_of(program)
        with ExitStack() as stack:
            folder = state
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="partoo-watch-"))
            chosen = sync_options(folder, to, report, strategy, verify, organization, history, dataset, keep)
            async with client.connect(on_event=None if client.quiet else Holds()) as partoo:
                secret: Any = partoo.session.settings.api_key
                environment = environment_without(secret.reveal(), os.environ)
                await repeat(Rounds(partoo, chosen, words, environment, client.quiet).run, seconds)

    return execute(run)
