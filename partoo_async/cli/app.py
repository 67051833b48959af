"""The commands and their options. What they do is elsewhere; here is what a user types and reads in the help."""

from __future__ import annotations

from typing import Annotated

import typer

import partoo_async
from partoo_async.cli.commands import list_sections, run_emulator, scan_sections, show_group
from partoo_async.cli.demo import run_demo
from partoo_async.cli.errors import EXIT_CODES
from partoo_async.cli.process import execute
from partoo_async.cli.progress import ProgressMode

__all__ = ["app"]

_CODES = "Exit codes:\n" + "\n".join(f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES)
_KEY = "The API key is taken from the environment variable PARTOO_API_KEY, and from nowhere else."

app: typer.Typer = typer.Typer(
    name="partoo",
    help="Get groups of business locations from the Partoo REST API, one or many thousands.",
    epilog=f"{_KEY}\n\n{_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SectionId = Annotated[int, typer.Argument(metavar="SECTION_ID", help="Id of the section.")]
GroupId = Annotated[int, typer.Argument(metavar="GROUP_ID", help="Id of the group.")]
Server = Annotated[
    str | None,
    typer.Option(
        help="production, sandbox or a URL; without it the variable PARTOO_SERVER, else production.", show_default=False
    ),
]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="The most that one call may take, retries included.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    typer.echo(f"partoo {partoo_async.__version__}")
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Get groups of business locations from the Partoo REST API, one or many thousands."""


@app.command(epilog=_CODES)
def group(
    section_id: SectionId, group_id: GroupId, server: Server = None, timeout: Timeout = 90.0, as_json: Json = False
) -> int:
    """Get one group with its businesses."""
    return execute(lambda: show_group(section_id, group_id, server=server, timeout=timeout, as_json=as_json))


@app.command(epilog=_CODES)
def sections(
    org_id: Annotated[int | None, typer.Option(help="Of this organization; for keys of the PROVIDER role.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only sections with a group of such a name.")
    ] = None,
    server: Server = None,
    timeout: Timeout = 90.0,
    as_json: Json = False,
) -> int:
    """List the sections, all pages of them."""
    return execute(lambda: list_sections(org_id, name, server=server, timeout=timeout, as_json=as_json))


@app.command(epilog=_CODES)
def scan(  # noqa: PLR0917 - typer reads one parameter per option, by name
    section_ids: Annotated[list[int], typer.Argument(metavar="SECTION_ID", help="Sections to scan.")],
    group_ids: Annotated[
        list[int] | None,
        typer.Option("--group", metavar="ID", help="Only this group; may be repeated. With one section only."),
    ] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Tolerate so many failed groups; the next one ends the scan.")
    ] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The most requests in flight.")
    ] = None,
    progress: Annotated[
        ProgressMode, typer.Option(help="auto: a bar if standard error is a terminal; plain: a line now and then.")
    ] = ProgressMode.AUTO,
    server: Server = None,
    timeout: Timeout = 90.0,
    as_json: Json = False,
) -> int:
    """Get every group of these sections, as fast as the quota allows.

    Results go to standard output, as a table at the end or, with --json, as they come. The plan, the progress and a
    summary go to standard error.
    """
    limits = {"group_ids": group_ids or None, "max_failures": max_failures, "max_concurrency": max_concurrency}
    return execute(
        lambda: scan_sections(section_ids, limits, progress, server=server, timeout=timeout, as_json=as_json)
    )


@app.command(epilog=_CODES)
def emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    rate_limit: Annotated[
        str, typer.Option(metavar="N/SECONDS", help="Requests per seconds, or none for no limit.")
    ] = "300/60",
    latency: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="By how much each answer is late.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the demo data; the same seed gives the same ids.")] = 0,
) -> int:
    """Run a Partoo in memory with demo data, until Ctrl-C. No key and no network needed."""
    return execute(lambda: run_emulator(host=host, port=port, rate_limit=rate_limit, latency=latency, seed=seed))


@app.command(epilog=_CODES)
def demo() -> int:
    """Scan the demo sections of an emulator over real HTTP. No key and no network needed."""
    return execute(run_demo)
