"""The commands and their options. What they do is elsewhere; here is what a user types and reads in the help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

import partoo_async
from partoo_async.cli import options
from partoo_async.cli.commands.demo import run_demo
from partoo_async.cli.commands.diff import DIFF_CODES, show_diff
from partoo_async.cli.commands.emulator import DataChoice, WindowChoice, run_emulator
from partoo_async.cli.commands.reading import list_sections, show_group
from partoo_async.cli.commands.scan import Bounds, Form, Record, Target, scan_sections
from partoo_async.cli.errors import EXIT_CODES
from partoo_async.cli.process import execute
from partoo_async.cli.progress import ProgressMode

__all__ = ["app"]


# Before 0.28 typer joins the lines of a paragraph, and shows paragraphs without a line between them.
_BREAK = "\n" if tuple(map(int, typer.__version__.split(".")[:2])) >= (0, 28) else "\n\n"


def _listed(codes: Iterable[tuple[int, str]]) -> str:
    return _BREAK.join(["Exit codes:", *(f"{code:>3}  {meaning}" for code, meaning in codes)])


_CODES = _listed(EXIT_CODES)
_KEY = "The API key is taken from the environment variable PARTOO_API_KEY, and from nowhere else."

app: typer.Typer = typer.Typer(
    name="partoo",
    help="Get groups of business locations from the Partoo REST API, one or many thousands.",
    epilog=f"{_KEY}\n\n{_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    typer.echo(f"partoo {partoo_async.__version__}")
    raise typer.Exit


@app.callback()
def callback(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Get groups of business locations from the Partoo REST API, one or many thousands."""


@app.command(epilog=_CODES)
def group(
    section_id: options.SectionId,
    group_id: options.GroupId,
    server: options.Server = None,
    timeout: options.Timeout = 90.0,
    as_json: options.Json = False,
) -> int:
    """Get one group with its businesses."""
    return execute(lambda: show_group(section_id, group_id, server=server, timeout=timeout, as_json=as_json))


@app.command(epilog=_CODES)
def sections(
    org_id: Annotated[int | None, typer.Option(help="Of this organization; for keys of the PROVIDER role.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only sections with a group of such a name.")
    ] = None,
    server: options.Server = None,
    timeout: options.Timeout = 90.0,
    as_json: options.Json = False,
) -> int:
    """List the sections, all pages of them."""
    return execute(lambda: list_sections(org_id, name, server=server, timeout=timeout, as_json=as_json))


@app.command(epilog=_CODES)
def scan(  # noqa: PLR0913, PLR0917 - typer reads one parameter per option, by name
    context: typer.Context,
    section_ids: options.SectionIds = None,
    everything: options.Everything = False,
    org_id: options.OfOrganization = None,
    group_ids: options.GroupIds = None,
    journal: options.JournalFile = None,
    resume: options.Resume = False,
    keep_failed: options.KeepFailed = False,
    output: options.Output = None,
    rows: options.Rows = None,
    max_failures: options.MaxFailures = None,
    max_outage: options.MaxOutage = 600.0,
    max_concurrency: options.MaxConcurrency = None,
    progress: options.Progress = ProgressMode.AUTO,
    server: options.Server = None,
    timeout: options.Timeout = 90.0,
    as_json: options.Json = False,
) -> int:
    """Get every group of these sections, as fast as the quota allows.

    Results go to standard output, as a table at the end or, with --json, as they come; or to a file. The plan, the
    progress and a summary go to standard error.
    """
    target = Target(section_ids or (), everything=everything, org_id=org_id, group_ids=group_ids)
    record = Record(journal, resume=resume, retry_failed=not keep_failed, words=context.obj)
    bounds = Bounds(max_failures, max_concurrency, max_outage)
    form = Form(progress, output=output, rows=rows, as_json=as_json)
    return execute(lambda: scan_sections(target, record, bounds, form, server=server, timeout=timeout))


@app.command(epilog=_listed(DIFF_CODES))
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="An earlier scan: a journal, or lines of --json.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="A later scan of the same sections.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show what changed between two scans: sections, groups, and which businesses joined and left.

    What failed in either scan, or was not reached, is shown as not compared: it is not taken for removed.
    """
    return execute(lambda: show_diff(before, after, as_json=as_json))


@app.command(epilog=_CODES)
def emulator(  # noqa: PLR0917 - typer reads one parameter per option, by name
    profile: Annotated[DataChoice, typer.Option(help="The demo data, or an organization of such a size.")] = (
        DataChoice.DEMO
    ),
    groups: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With a size: exactly so many groups in all.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    rate_limit: Annotated[
        str, typer.Option(metavar="N/SECONDS", help="Requests per seconds, or none for no limit.")
    ] = "300/60",
    window: Annotated[WindowChoice, typer.Option(help="How requests are counted.")] = WindowChoice.SLIDING,
    chaos: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="How many of the reads meet a fault, such as 0.05.")
    ] = 0.0,
    latency: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="By how much each answer is late.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the data and the faults: the same seed, the same ids.")] = 0,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Answer by this name too; may be given repeatedly.")
    ] = None,
) -> int:
    """Run a Partoo in memory, until Ctrl-C. No key and no network needed; a browser shows what it is asked."""
    options = {"host": host, "port": port, "window": window.value, "chaos": chaos, "latency": latency, "seed": seed}
    options["allowed_hosts"] = allow_host or ()
    return execute(lambda: run_emulator(profile, groups, rate_limit, **options))


@app.command(epilog=_CODES)
def demo() -> int:
    """Scan the demo sections of an emulator over real HTTP. No key and no network needed."""
    return execute(run_demo)
