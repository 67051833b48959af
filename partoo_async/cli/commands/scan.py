"""``partoo scan``: its options, and what to type to continue one that ended early."""

from __future__ import annotations

import enum
import math
from typing import Annotated, Any

import typer

from partoo_async.cli.ending import ending_of, resuming
from partoo_async.cli.help import epilog
from partoo_async.cli.listeners import Holds
from partoo_async.cli.on_dask import KEYS_ON_DASK, lent_to_dask, not_on_dask
from partoo_async.cli.options import ClientOptions, Dask, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.progress import ProgressMode, choose_display
from partoo_async.cli.result_options import ScanOptions
from partoo_async.cli.scan_output import show_scan
from partoo_async.errors import ConfigurationError

__all__ = ["EPILOG", "NOTHING_TO_VERIFY", "refuse", "scan", "tolerated", "verified"]


NOTHING_TO_VERIFY = "--verify: needs --strategy businesses or auto; otherwise each group is read by itself"


class StrategyName(enum.StrEnum):
    """What ``--strategy`` takes."""

    GROUPS = "groups"
    BUSINESSES = "businesses"
    AUTO = "auto"


SectionIds = Annotated[list[int] | None, typer.Argument(metavar="SECTION_ID", help="Sections to scan.")]
Everything = Annotated[bool, typer.Option("--all", help="Scan every section of the organization.")]
OrgId = Annotated[
    int | None, typer.Option("--org-id", help="With --all: of this organization; for keys of the PROVIDER role.")
]
GroupIds = Annotated[
    list[int] | None,
    typer.Option("--group", metavar="ID", help="Only this group of the one SECTION_ID; may be repeated."),
]
WithBusinesses = Annotated[
    bool, typer.Option("--with-businesses", help="Look up names, codes, cities and statuses of the businesses, too.")
]
Strategy = Annotated[
    StrategyName | None,
    typer.Option(
        help="With --all: read each group by itself (groups, the default), or the list of businesses and some groups, "
        "to verify it (businesses), or what takes fewer requests (auto).",
        show_default=False,
    ),
]
VerifiedGroups = Annotated[
    str | None,
    typer.Option(
        "--verify", metavar="N|all", help="With --strategy businesses or auto: verify so many groups. Default: 20."
    ),
]
JournalFile = Annotated[
    str | None, typer.Option("--journal", metavar="FILE", help="Record every outcome here, for --resume.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the scan that --journal FILE has recorded.")]
KeepFailed = Annotated[bool, typer.Option("--keep-failed", help="With --resume: do not try failed groups again.")]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="End the scan when more than N groups, or P percent, failed."),
]
MaxOutage = Annotated[
    float,
    typer.Option(min=0, metavar="SECONDS", help="Wait so long for a server that fails every request, then end."),
]
MaxConcurrency = Annotated[int | None, typer.Option(min=1, metavar="N", help="Most requests in flight.")]
Progress = Annotated[
    ProgressMode,
    typer.Option(
        help="auto: a bar on a terminal, or lines where results would run into it; plain: a line every 2 seconds."
    ),
]


EPILOG = epilog(
    ("partoo scan 7 9", "every group of two sections, as a table"),
    ("partoo scan --all --with-businesses --output groups.csv", "everything, with names, as a file"),
    ("partoo scan --all --journal scan.journal --resume --json", "a scan that goes on where it ended"),
)


@with_options
def scan(  # noqa: PLR0913, PLR0917 - typer reads one parameter per option, by name
    results: ScanOptions,
    client: ClientOptions,
    context: typer.Context,
    section_ids: SectionIds = None,
    everything: Everything = False,
    org_id: OrgId = None,
    group_ids: GroupIds = None,
    with_businesses: WithBusinesses = False,
    strategy: Strategy = None,
    verify: VerifiedGroups = None,
    journal: JournalFile = None,
    resume: Resume = False,
    keep_failed: KeepFailed = False,
    max_failures: MaxFailures = None,
    max_outage: MaxOutage = 600.0,
    max_concurrency: MaxConcurrency = None,
    progress: Progress = ProgressMode.AUTO,
    dask: Dask = None,
) -> int:
    """Read every group of these sections, as fast as the quota allows.

    Results go to standard output, as a table at the end, or as they come with --json or --format csv; or to a file with
    --output, in which case nothing is written unless everything is.

    The plan, the progress and a summary go to standard error.
    """

    async def run() -> int:
        refuse(
            (everything == bool(section_ids), "give either SECTION_ID or --all; 'partoo sections' lists the sections"),
            (bool(group_ids) and len(section_ids or ()) != 1, "--group: needs exactly one SECTION_ID"),
            (org_id is not None and not everything, "--org-id: needs --all"),
            (strategy is not None and not everything, "--strategy: needs --all"),
            (verify is not None and strategy in (None, StrategyName.GROUPS), NOTHING_TO_VERIFY),
            (resume and journal is None, "--resume: needs --journal FILE, the journal of the earlier run"),
            (keep_failed and not resume, "--keep-failed: needs --resume"),
            *not_on_dask(dask, strategy, with_businesses=with_businesses),
        )
        target = results.target()
        chosen: Any = {"journal": journal, "resume": resume, "retry_failed": not keep_failed, "max_outage": max_outage}
        chosen |= {"max_failures": tolerated(max_failures), "max_concurrency": max_concurrency}
        chosen["businesses"] = with_businesses
        how: dict[str, Any] = {"strategy": strategy or "groups"} | verified(verify)
        apart: dict[str, Any] = {"quota": None} if dask else {}
        apart["on_event"] = None if client.quiet else Holds()
        async with client.connect(max_concurrency=_in_flight(max_concurrency, dask), **apart) as partoo:
            if everything:
                made = partoo.scan_all(org_id, **chosen, **how)
            else:
                made = partoo.scan(section_ids or (), group_ids=group_ids or None, **chosen)
            async with lent_to_dask(dask, client.quota, partoo, made, **chosen) as found:
                streaming = target is not None and target.path is None
                display = choose_display(progress, streaming=streaming, quiet=client.quiet)
                hint = resuming(None if journal is None else context.obj, "scan", again=resume)
                ending = ending_of(found, target, hint, "--journal FILE")
                return await ending.told(show_scan(found, display, target))

    return execute(run)


def _in_flight(max_concurrency: int | None, dask: str | None) -> int:
    # An eighth of the client's requests is kept for interactive calls, of which there are none here.
    return max(32, math.ceil((max_concurrency or (KEYS_ON_DASK if dask else 0)) * 8 / 7))


def refuse(*cases: tuple[bool, str]) -> None:
    """Raise ``ConfigurationError`` for the first case that is true."""
    for refused, why in cases:
        if refused:
            raise ConfigurationError(why)


def tolerated(text: str | None) -> float | None:
    """Return what ``PartooClient.scan`` takes as ``max_failures``: a count as an int, a share as a float."""
    if text is None:
        return None
    try:
        tolerated = float(text.removesuffix("%")) / 100 if text.endswith("%") else int(text)
    except ValueError:
        tolerated = -1
    if tolerated < 0 or (text.endswith("%") and not tolerated <= 1):
        raise ConfigurationError(f"--max-failures: expected a count such as 10, or a share such as 5%, not {text!r}")
    return tolerated


def verified(text: str | None) -> dict[str, int | str]:
    """Return what ``PartooClient.scan_all`` takes for ``--verify``."""
    if text is None:
        return {}
    if text == "all":
        return {"verify": text}
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise ConfigurationError(f"--verify: expected a count of groups such as 20, or all, not {text!r}")
    return {"verify": count}
