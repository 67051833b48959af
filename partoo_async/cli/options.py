"""The arguments and options that commands take, each with its name, its form and its line of help."""

from __future__ import annotations

from typing import Annotated

import typer

from partoo_async.cli.commands.scan import RowForm
from partoo_async.cli.progress import ProgressMode

__all__ = [
    "Everything",
    "GroupId",
    "GroupIds",
    "JournalFile",
    "Json",
    "KeepFailed",
    "MaxConcurrency",
    "MaxFailures",
    "MaxOutage",
    "OfOrganization",
    "Output",
    "Progress",
    "Resume",
    "Rows",
    "SectionId",
    "SectionIds",
    "Server",
    "Timeout",
]

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

SectionIds = Annotated[list[int] | None, typer.Argument(metavar="SECTION_ID", help="Sections to scan.")]
Everything = Annotated[bool, typer.Option("--all", help="Scan every section of the organization.")]
OfOrganization = Annotated[
    int | None, typer.Option("--org-id", help="With --all: of this organization; for keys of the PROVIDER role.")
]
GroupIds = Annotated[
    list[int] | None,
    typer.Option("--group", metavar="ID", help="Only this group; may be repeated. With one section only."),
]
JournalFile = Annotated[
    str | None,
    typer.Option("--journal", metavar="FILE", help="Record every outcome in this file, so that nothing is lost."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the journal of an earlier run.")]
KeepFailed = Annotated[bool, typer.Option("--keep-failed", help="With --resume: do not try failed groups again.")]
Output = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write the groups to a file: .ndjson, .csv or .parquet.")
]
Rows = Annotated[
    RowForm | None,
    typer.Option(help="With a .csv: a row for each business of a group, or one for the group.", show_default=False),
]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="Tolerate so many failed groups, or so many of a hundred; then end the scan."),
]
MaxOutage = Annotated[
    float,
    typer.Option(
        min=0, metavar="SECONDS", help="Hold so long while the server answers nobody; then end, to be resumed."
    ),
]
MaxConcurrency = Annotated[int | None, typer.Option(min=1, metavar="N", help="The most requests in flight.")]
Progress = Annotated[
    ProgressMode, typer.Option(help="auto: a bar if standard error is a terminal; plain: a line now and then.")
]
