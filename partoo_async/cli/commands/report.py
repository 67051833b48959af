"""``partoo report``: a report on a scan, from its journal."""

from __future__ import annotations

import asyncio
import enum
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from partoo_async import diff_scans
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.output import write_text
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.cli.text import clean
from partoo_async.errors import ConfigurationError

__all__ = ["EPILOG", "report"]


EPILOG = epilog(
    ("partoo report scan.journal", "a short text"),
    (
        "partoo report tuesday.journal --before monday.journal --output report.html",
        "a page, with what changed",
    ),
)


class ReportForm(enum.StrEnum):
    """What ``--format`` takes."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"


def report(
    journal: Annotated[str, typer.Argument(metavar="JOURNAL", help="The journal of a scan, complete or not.")],
    before: Annotated[
        str | None,
        typer.Option(
            metavar="JOURNAL", help="The journal of an earlier scan, to tell what changed since.", show_default=False
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write a page (.html), Markdown (.md) or JSON (.json). '-' is standard output.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        ReportForm | None, typer.Option("--format", help="Of standard output, in place of a text.", show_default=False)
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Longest list; the rest is counted. Default: 100 entries in HTML, 10 in Markdown, all in JSON.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Report on a scan: sizes, overlaps, empty groups, failures, what changed. Needs no key.

    Without --output it prints a short text. Businesses have names if the scan was made --with-businesses.
    """

    # Here, so that no other command imports them.
    from partoo_async.scan.summary import began, check_report, summary_text, write_report  # noqa: PLC0415

    async def run() -> int:
        path = None if output in (None, "-") else output
        if path is not None:
            check_report("path", path)
            if form is not None:
                raise ConfigurationError("--format: is for standard output; the suffix of a file says its format")
        diff = None if before is None else await diff_scans(before, journal)
        since = None if before is None else await began(before)
        if path is None and form is None:
            await write_text(await summary_text(journal, diff=diff, since=since, most=most))
        elif path is None:
            with tempfile.TemporaryDirectory(prefix="partoo-") as folder:
                page = Path(folder, f"report.{form}")
                await write_report(journal, page, diff=diff, since=since, most=most)
                await write_text(await asyncio.to_thread(page.read_text, encoding="utf-8"))
        else:
            await write_report(journal, path, diff=diff, since=since, most=most)
            say(f"wrote {clean(path)}")
        return OK

    return execute(run, journal="JOURNAL", after="JOURNAL", before="--before")
