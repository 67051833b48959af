"""``partoo scan-many``: from a file of organizations to their scans."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from partoo_async.cli.commands import scan as one
from partoo_async.cli.ending import ending_of, resuming
from partoo_async.cli.help import epilog
from partoo_async.cli.listeners import Holds
from partoo_async.cli.many_output import show_many
from partoo_async.cli.on_dask import many_on_dask, not_on_dask
from partoo_async.cli.options import Dask, ServerOptions, with_options
from partoo_async.cli.organizations_file import read_organizations
from partoo_async.cli.process import execute
from partoo_async.cli.progress import ProgressMode, choose_display
from partoo_async.cli.progress_words import MANY
from partoo_async.cli.proxies import needs_environment
from partoo_async.cli.result_options import ScanOptions
from partoo_async.scan.many import ManyScans
from partoo_async.servers import resolve_server

__all__ = ["EPILOG", "scan_many"]

OrganizationsFile = Annotated[
    str, typer.Argument(metavar="FILE", help="TOML, with a table for each organization.", show_default=False)
]
AtOnce = Annotated[int, typer.Option(min=1, metavar="N", help="Most organizations at a time.")]
Journals = Annotated[
    str | None, typer.Option(metavar="DIR", help="Record every outcome here, in a file for each organization.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the scans that --journals DIR has recorded.")]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="End an organization when more than N of its groups, or P percent, failed."),
]
MaxConcurrency = Annotated[int, typer.Option(min=1, metavar="N", help="Most requests in flight of an organization.")]
Strategy = Annotated[
    one.StrategyName, typer.Option(help="Where an organization has no sections in FILE: as for partoo scan --all.")
]
AllowKeys = Annotated[
    bool, typer.Option("--allow-keys-in-file", help="Take api_key from FILE. Nobody else may read it then.")
]


EPILOG = epilog(
    ("partoo scan-many organizations.toml --output groups.parquet", "all organizations into one file"),
    ("partoo scan-many organizations.toml --journals scans --resume", "go on where it ended"),
)


@with_options
def scan_many(  # noqa: PLR0913, PLR0917 - typer reads one parameter per option, by name
    results: ScanOptions,
    client: ServerOptions,
    context: typer.Context,
    file: OrganizationsFile,
    journals: Journals = None,
    resume: Resume = False,
    keep_failed: one.KeepFailed = False,
    at_once: AtOnce = 64,
    with_businesses: one.WithBusinesses = False,
    strategy: Strategy = one.StrategyName.GROUPS,
    verify: one.VerifiedGroups = None,
    max_failures: MaxFailures = None,
    max_outage: one.MaxOutage = 600.0,
    max_concurrency: MaxConcurrency = 8,
    allow_keys_in_file: AllowKeys = False,
    progress: one.Progress = ProgressMode.AUTO,
    dask: Dask = None,
) -> int:
    """Read every group of many organizations, each with its own key and at the speed of its own quota.

    FILE has a table for each: key_env (a variable) or key_command (what prints the key), and its sections, if not all.

    A table of the organizations goes to standard output, or with --json every group as it comes.
    """

    async def run() -> int:
        one.refuse(
            (resume and journals is None, "--resume: needs --journals DIR, the journals of the earlier run"),
            (keep_failed and not resume, "--keep-failed: needs --resume"),
            (verify is not None and strategy is one.StrategyName.GROUPS, one.NOTHING_TO_VERIFY),
        )
        one.refuse(*not_on_dask(dask, strategy, with_businesses=with_businesses))
        target = results.target()
        bounds: dict[str, Any] = {"retry_failed": not keep_failed, "max_failures": one.tolerated(max_failures)}
        bounds |= {"max_outage": max_outage}
        scan = bounds | {"businesses": with_businesses, "strategy": strategy} | one.verified(verify)
        several: dict[str, Any] = {"server": client.server, "at_once": at_once, "journals": journals, "resume": resume}
        heard: dict[str, Any] = {} if client.quiet else {"on_event": Holds()}
        heard["trust_env"] = needs_environment(resolve_server(client.server))
        organizations = await read_organizations(file, allow_keys=allow_keys_in_file)
        async with AsyncExitStack() as stack:
            if dask is None:
                several |= {"max_concurrency": max_concurrency, "scan": scan, "session": client.session() | heard}
                scans = ManyScans(organizations, quota=client.quota, **several)
            else:
                several |= {**client.session(), **bounds}
                scans = await stack.enter_async_context(many_on_dask(dask, client.quota, organizations, **several))
            display = choose_display(
                progress, streaming=target is not None and target.path is None, words=MANY, quiet=client.quiet
            )
            hint = resuming(None if journals is None else context.obj, "scan-many", again=resume)
            ending = ending_of(scans, target, hint, "--journals DIR")
            return await ending.told(show_many(scans, display, target, businesses=with_businesses))

    return execute(run)
