"""The public values of a scan beside its items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from partoo_async._internal.describe import describe
from partoo_async._internal.read_only import ReadOnlyDict
from partoo_async._internal.schema import Model
from partoo_async._internal.text import amount, duration
from partoo_async.errors import ScanError
from partoo_async.models import Business
from partoo_async.scan import arrow, frames
from partoo_async.scan.confidence import bound, how_sure
from partoo_async.scan.items import FormerItem as ScanItem  # here for pickles only
from partoo_async.scan.items import ScanFailure, ScanSuccess
from partoo_async.scan.notebook import MOST_ROWS, html_progress, html_table
from partoo_async.scan.rows import BUSINESS_COLUMNS, cells, group_object, listed

if TYPE_CHECKING:
    import os

    import pandas
    import polars
    import pyarrow

    from partoo_async.scan.diff.changes import ScanDiff

__all__ = [
    "ScanItem",
    "ScanPlan",
    "ScanProgress",
    "ScanReport",
    "certainty",
    "has_businesses",
    "item_object",
]


@frozen
class ScanPlan(Model):
    """What a scan is going to do.

    Attributes:
        sections: How many sections it covers.
        groups: How many groups, recorded ones included.
        requests: Requests that it takes, section reads included; without retries and look-ups of businesses.
        seconds: How long the groups take at least, by the quota.
        recorded: How many groups are in the journal, and need no request.
        strategy: "groups": each group is read by itself. "businesses": the list of businesses is read, and some groups.
    """

    sections: int
    groups: int
    requests: int
    seconds: float
    recorded: int = 0
    strategy: str = "groups"

    def __str__(self) -> str:
        groups = "1 group" if self.groups == 1 else f"{self.groups} groups"
        recorded = f" ({self.recorded} recorded already)" if self.recorded else ""
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        # A forecast below a second is never exact.
        time = "less than 1 s" if self.seconds < 1 else f"about {duration(self.seconds)}"
        how = "" if self.strategy == "groups" else f", by the list of {self.strategy}"
        return f"{groups}{recorded}, {requests}, {time}{how}"


@frozen
class ScanProgress(Model):
    """How far a scan is.

    Attributes:
        done: Outcomes until now, failures included.
        failed: Failures until now.
        total: Outcomes in all. 0 while the sections are being read.
        rate: Outcomes per second, replayed ones left out.
        eta: Seconds to the end. At least that, while the sections are being read or the scan is on hold.
        paused_for: Seconds that the server still pauses the quota.
        held_for: Seconds since the server stopped responding, 0.0 if the scan is not on hold.
        held_by: Why it is on hold, in a few words.
        quota_wait: Seconds until the quota lets the next request go, 0.0 if none waits for it.
        retries: How many of the requests until now were retries.
        silent_for: Seconds since anything came, while requests are in flight. 0.0 below 5 seconds.
    """

    done: int
    failed: int
    total: int
    rate: float
    eta: float
    paused_for: float
    held_for: float = 0.0
    held_by: str = ""
    quota_wait: float = 0.0
    retries: int = 0
    silent_for: float = 0.0

    def __str__(self) -> str:
        if not self.total:
            return f"reading sections, {self.done:,} done"
        figures = f"{self.done:,} of {self.total:,}, {self.failed:,} failed"
        if self.held_for:
            return f"{figures}, on hold for {duration(self.held_for)}{self.held_by and f': {self.held_by}'}"
        if self.silent_for and not self.paused_for:
            return f"{figures}, nothing came for {duration(self.silent_for)}"
        left = f", {duration(self.eta)} left" if self.done < self.total and isfinite(self.eta) else ""
        state = f"paused for {duration(self.paused_for)}" if self.paused_for else f"{self.rate:.1f}/s{left}"
        return f"{figures}, {state}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a bar, and the text."""
        return html_progress(self.done, self.total, str(self))


@frozen
class ScanReport(Model):
    """The outcomes of a scan. With a journal, the figures are those of this run.

    Attributes:
        items: The outcomes, in completion order.
        requests: Requests sent, retries and section reads included.
        seconds: Time from start to end.
        drift: Where responses differed from the documentation, such as ``Group.business_ids missing``: how often.
        retries: How many of the requests were retries.
        added: Groups that are new since the run before, as (section id, group id).
        deleted: Groups that are gone since then.
        complete: Whether every key has an outcome.
        strategy: What the items come from: "groups" if each was read by itself, or the list of "businesses".
        verified: With "businesses": how many groups were read by themselves as well, and were the same.
        fallback: Why each group was read by itself although another strategy was asked for, "" if not.
        businesses: With ``businesses=True``, those that could be found, by id. They may be more than the items have.
        sections: The names of the sections that were read, by id.
    """

    items: tuple[ScanSuccess | ScanFailure, ...]
    requests: int
    seconds: float
    drift: Mapping[str, int] = field(factory=dict)
    retries: int = 0
    added: tuple[tuple[int, int], ...] = ()
    deleted: tuple[tuple[int, int], ...] = ()
    complete: bool = True
    strategy: str = "groups"
    verified: int = 0
    fallback: str = ""
    businesses: Mapping[str, Business] = field(factory=ReadOnlyDict, repr=False)
    sections: Mapping[int, str] = field(factory=dict)

    @property
    def error_bound(self) -> float:
        """The fraction of the groups that may differ from what "Get group" says, at most, at 95 % confidence.

        0.0 if all were read. Of n that were verified without a difference, it is 3/n (the rule of three).
        """
        return bound(any(item.inferred for item in self.items), self.verified)

    @property
    def succeeded(self) -> tuple[ScanSuccess, ...]:
        """The items that have a group."""
        return tuple(item for item in self.items if item.error is None)

    @property
    def failed(self) -> tuple[ScanFailure, ...]:
        """The items that have an error."""
        return tuple(item for item in self.items if item.error is not None)

    def to_arrow(self) -> pyarrow.Table:
        """Return the items as an Arrow table, for pandas, polars or DuckDB. Needs the extra ``arrow``.

        Returns:
            One row per item. Columns: section_id, group_id, name, has_puller, business_ids (a list), error. With
            ``businesses=True`` after the ids: business_name, business_code, business_status and business_city, lists
            in the order of the ids, null where nothing is known.

        Raises:
            ConfigurationError: pyarrow is not installed.
        """
        named = has_businesses(self)
        return arrow.table((item_object(item, businesses=named) for item in self.items), businesses=named)

    def to_pandas(self) -> pandas.DataFrame:
        """Return the items as a frame of pandas. Needs the extra ``pandas``.

        Returns:
            One row per item, with the columns of ``to_arrow``. Missing values are ``pandas.NA``.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        named = has_businesses(self)
        return frames.pandas_frame([item_object(item, businesses=named) for item in self.items], businesses=named)

    def to_polars(self) -> polars.DataFrame:
        """Return the items as a frame of polars. Needs the extra ``polars``.

        Returns:
            One row per item, with the columns of ``to_arrow``.

        Raises:
            ConfigurationError: polars is not installed.
        """
        named = has_businesses(self)
        return frames.polars_frame([item_object(item, businesses=named) for item in self.items], businesses=named)

    async def write(
        self,
        path: str | os.PathLike[str],
        *,
        diff: ScanDiff | None = None,
        at: datetime | None = None,
        most: int | None = None,
    ) -> None:
        """Write a report for people or programs, which replaces the file as a whole.

        Args:
            path: The file. Its suffix says what it is: .html, .md or .json.
            diff: What changed since an earlier scan, from ``diff_scans``. None: the report says nothing about changes.
            at: When the scan was, for the heading. None: now.
            most: Entries of a list; what is left out is counted. None: 100 in HTML, 10 in Markdown, all in JSON.

        Raises:
            ConfigurationError: The file cannot be written, or an argument is wrong.
        """
        from partoo_async.scan.summary import Run, write_scan  # noqa: PLC0415 - on demand: few programs write one

        sure = certainty(self, len(self.succeeded), sum(item.inferred for item in self.items))
        run = Run(at or datetime.now(UTC), self.complete, self.requests, self.seconds, sure)
        await write_scan(path, run, self.items, self.sections, self.businesses.values(), diff=diff, most=most)

    def __repr__(self) -> str:
        return f"<ScanReport: {self._figures()}>"

    def _figures(self) -> str:
        state = "" if self.complete else ", not complete"
        parts = (amount(len(self.items), "outcome"), f"{len(self.failed):,} failed", amount(self.requests, "request"))
        inferred = sum(item.inferred for item in self.items)
        # The report of a scan that ended early has few of its items, or none.
        how = certainty(self, max(len(self.succeeded), self.verified), inferred)
        return f"{', '.join(parts)}, {duration(self.seconds)}{state}{how and f'; {how}'}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the figures, and at most 20 outcomes, failures first."""
        shown = sorted(self.items, key=lambda item: item.error is None)[:MOST_ROWS]
        columns = ("section", "group", "name", "puller", "businesses", "such as", "error")
        return html_table(self._figures(), columns, [*map(cells, shown)], left_out=len(self.items) - len(shown))

    def raise_for_failures(self) -> None:
        """Raise an error if anything failed.

        Raises:
            ScanError: Lists every failure, by kind of error.
        """
        failed = self.failed
        if failed:
            raise ScanError(f"{len(failed)} of {len(self.items)} outcomes failed:{listed(failed)}", self)


def has_businesses(report: ScanReport) -> bool:
    """Return whether a scan was asked for its businesses, as far as can be told."""
    return bool(report.businesses) or any(item.businesses for item in report.items)


def item_object(
    item: ScanSuccess | ScanFailure,
    *,
    businesses: bool = False,
    sequence: Callable[[tuple[str, ...]], Sequence[str]] = list,
) -> dict[str, Any]:
    """Return an outcome as a row, with what is known of its ``businesses`` or without; ids as such a sequence."""
    if item.error is None:
        return group_object(item.section_id, item.group, item.businesses if businesses else None, sequence=sequence)
    known: dict[str, Any] = {"section_id": item.section_id, "group_id": item.group_id}
    unknown = ("name", "has_puller", "business_ids", *(BUSINESS_COLUMNS if businesses else ()))
    return known | dict.fromkeys(unknown) | {"error": describe(item.error)}


def certainty(report: ScanReport, groups: int, inferred: int) -> str:
    """Return in words what the groups of a scan come from and how sure they are, "" by the usual strategy."""
    if report.fallback:
        # Inferred are those that a journal has.
        return f"each group{' left' if inferred else ''} was read by itself, because {report.fallback}"
    if report.strategy == "groups":
        return ""
    return how_sure(report.verified, groups, inferred)
