"""The command ``scan``: from its options to a scan, and what to type to go on with one that ended early."""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from partoo_async import PartooClient, Scan
from partoo_async.cli.commands.scan_output import export_scan, show_scan
from partoo_async.cli.connect import connect
from partoo_async.cli.errors import USAGE
from partoo_async.cli.output import say
from partoo_async.cli.progress import ProgressMode, choose_display
from partoo_async.cli.text import one_line, shell_words
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.exports import RowKind

__all__ = ["Bounds", "Form", "Record", "RowForm", "Target", "scan_sections"]


class RowForm(enum.StrEnum):
    """What ``--rows`` takes."""

    BUSINESS = "business"
    GROUP = "group"


@frozen
class Target:
    """What to scan: sections, some groups of one, or everything of an organization."""

    section_ids: Sequence[int]
    everything: bool = field(kw_only=True)
    org_id: int | None = field(kw_only=True)
    group_ids: Sequence[int] | None = field(kw_only=True)

    def check(self) -> None:
        """Raise ``ConfigurationError`` for options that contradict each other."""
        if self.everything == bool(self.section_ids):
            raise ConfigurationError(
                "give the ids of sections, or --all for every section; 'partoo sections' lists them"
            )
        if self.everything and self.group_ids:
            raise ConfigurationError("--group: goes with one section, not with --all")
        if self.org_id is not None and not self.everything:
            raise ConfigurationError("--org-id: goes with --all")

    def scan(self, partoo: PartooClient, **options: Any) -> Scan:
        """Return the scan."""
        if self.everything:
            return partoo.scan_all(self.org_id, **options)
        return partoo.scan(self.section_ids, group_ids=self.group_ids or None, **options)


@frozen
class Record:
    """Where outcomes are recorded. ``words``: the command line, of which the one that resumes is made."""

    journal: str | None
    resume: bool = field(kw_only=True)
    retry_failed: bool = field(kw_only=True)
    words: Sequence[str] | None = field(kw_only=True)

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``PartooClient.scan``. Raises ``ConfigurationError`` where one lacks another."""
        if self.resume and self.journal is None:
            raise ConfigurationError("--resume: goes with --journal FILE, the journal of the earlier run")
        if not self.retry_failed and not self.resume:
            raise ConfigurationError("--keep-failed: goes with --resume")
        return {"journal": self.journal, "resume": self.resume, "retry_failed": self.retry_failed}

    def say_how_to_resume(self) -> None:
        """Print the command that goes on where this one stopped."""
        if self.journal is None or self.words is None:
            return
        words = [*self.words]
        if not self.resume:
            words.insert(words.index("scan") + 1, "--resume")  # at the end it could be behind a "--"
        say(f"nothing is lost; to go on: {shell_words(['partoo', *words])}")


@frozen
class Bounds:
    """What the scan may cost."""

    max_failures: str | None
    max_concurrency: int | None
    max_outage: float

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``PartooClient.scan``. Raises ``ConfigurationError``."""
        bounds = {"max_concurrency": self.max_concurrency, "max_outage": self.max_outage}
        return {"max_failures": self._tolerated(), **bounds}

    def _tolerated(self) -> int | float | None:
        text = self.max_failures
        if text is None:
            return None
        try:
            tolerated = float(text.removesuffix("%")) / 100 if text.endswith("%") else int(text)
        except ValueError:
            tolerated = -1
        if tolerated < 0 or (text.endswith("%") and not tolerated <= 1):
            raise ConfigurationError(
                f"--max-failures: expected a count such as 10, or a share such as 5%, not {text!r}"
            )
        return tolerated

    @property
    def in_flight(self) -> int:
        """The client's bound: of it, an eighth is kept for interactive calls, of which there are none here."""
        return max(32, math.ceil((self.max_concurrency or 0) * 8 / 7))


@frozen
class Form:
    """How progress and results are shown."""

    progress: ProgressMode
    output: str | None = field(kw_only=True)
    rows: RowForm | None = field(kw_only=True)
    as_json: bool = field(kw_only=True)

    @property
    def row_kind(self) -> RowKind | None:
        """What ``exports.write`` takes as ``rows``."""
        if self.rows is None:
            return None
        return "group" if self.rows is RowForm.GROUP else "business"

    def check(self) -> None:
        """Raise ``ConfigurationError`` for options that contradict each other."""
        if self.output is not None and self.as_json:
            raise ConfigurationError("--json: prints to standard output; it does not go with --output")
        if self.rows is not None and self.output is None:
            raise ConfigurationError("--rows: goes with --output FILE.csv")


async def scan_sections(
    target: Target, record: Record, bounds: Bounds, form: Form, *, server: str | None, timeout: float
) -> int:
    """Scan, and return the exit code. A scan that ended early says how to go on with it, if it can be."""
    target.check()
    form.check()
    options = record.options() | bounds.options()
    async with connect(server, timeout, max_concurrency=bounds.in_flight) as partoo:
        display = choose_display(form.progress, streaming=form.as_json)
        scan = target.scan(partoo, **options)
        try:
            if form.output is not None:
                return await export_scan(scan, display, form.output, form.row_kind)
            return await show_scan(scan, display, as_json=form.as_json)
        except OSError as error:
            if form.output is None:
                raise  # standard output: every command ends alike when that cannot be written
            say(f"error: {one_line(error.strerror or str(error))}")
            record.say_how_to_resume()
            return USAGE
        except ConfigurationError:
            raise
        except (PartooError, asyncio.CancelledError):
            record.say_how_to_resume()
            raise
