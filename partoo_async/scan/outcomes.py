"""What a scan says: before it starts, while it runs, of each key, and at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from partoo_async.errors import PartooError, ScanError
from partoo_async.models import Group

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ScanItem", "ScanPlan", "ScanProgress", "ScanReport", "duration"]


def duration(seconds: float) -> str:
    """Return seconds as people say them: "42 s", "1 min 23 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 1:
        return "less than 1 s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@frozen
class ScanPlan:
    """What a scan is going to do.

    ``sections`` and ``groups`` that it covers; ``requests`` in all, those for the sections included; ``seconds``: how
    long the groups take at least, at the present state of the quota. ``recorded``: how many of the groups a journal
    has already, so that they need no request.
    """

    sections: int
    groups: int
    requests: int
    seconds: float
    recorded: int = 0

    def __str__(self) -> str:
        about = "about " if self.seconds >= 0.5 else ""
        groups = "1 group" if self.groups == 1 else f"{self.groups} groups"
        recorded = f" ({self.recorded} recorded already)" if self.recorded else ""
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        return f"{groups}{recorded}, {requests}, {about}{duration(self.seconds)}"


@frozen
class ScanItem:
    """The outcome of one key: exactly one of ``group`` and ``error`` is not None.

    ``group_id`` is None for a section that could not be read. ``attempts`` counts the requests sent; ``elapsed`` is
    the seconds from the first try to the outcome, waits included. ``recorded``: replayed from a journal.
    """

    section_id: int
    group_id: int | None
    group: Group | None
    error: PartooError | None
    attempts: int
    elapsed: float
    recorded: bool = False


@frozen
class ScanProgress:
    """How far a scan is.

    ``done`` counts every outcome, ``failed`` ones included, of ``total``. ``rate``: outcomes a second so far.
    ``eta``: seconds to the end, from the quota's state and the speed seen. ``paused_for``: seconds that the server
    still pauses the quota. ``held_for``: seconds for which the scan has held, since the server answers nobody;
    ``held_by``: why, in few words. ``eta`` then begins with the next look at the server, whatever that will bring.

    While the sections are still being read, ``total`` is 0, since it is not known yet, and ``eta`` is that of the
    reads that are known by then: it takes so long at least.
    """

    done: int
    failed: int
    total: int
    rate: float
    eta: float
    paused_for: float
    held_for: float = 0.0
    held_by: str = ""


@frozen
class ScanReport:
    """The outcomes of a scan, in completion order.

    ``requests`` counts every request sent, retries and section reads included; ``retries`` how many of them were
    repeats. ``seconds``: from start to end. ``drift``: how answers differed from the documentation, such as
    ``Group.business_ids missing``, and in how many answers. With a journal, these figures are those of this run, and
    ``added`` and ``deleted`` are the groups, as (section id, group id), that came and went since the run before.
    ``complete``: whether the scan came to its end, failures or not.
    """

    items: tuple[ScanItem, ...]
    requests: int
    seconds: float
    drift: Mapping[str, int] = field(factory=dict)
    retries: int = 0
    added: tuple[tuple[int, int], ...] = ()
    deleted: tuple[tuple[int, int], ...] = ()
    complete: bool = True

    @property
    def succeeded(self) -> tuple[ScanItem, ...]:
        """The items that have a group."""
        return tuple(item for item in self.items if item.error is None)

    @property
    def failed(self) -> tuple[ScanItem, ...]:
        """The items that have an error."""
        return tuple(item for item in self.items if item.error is not None)

    def to_arrow(self) -> pyarrow.Table:
        """Return the items as an Arrow table, one row each, for pandas, polars or DuckDB; needs the extra ``arrow``.

        Its columns, always the same: section_id, group_id, name, has_puller, business_ids (a list), error.
        """
        from partoo_async.scan.arrow import table  # noqa: PLC0415 - it describes items, which are defined here

        return table(self.items)

    def raise_for_failures(self) -> None:
        """Raise a ``ScanError`` that lists every failure, by kind of error, if there are any."""
        failed = self.failed
        if failed:
            raise ScanError(f"{len(failed)} of {len(self.items)} outcomes failed:{_listed(failed)}", self)


def _listed(failed: tuple[ScanItem, ...]) -> str:
    """Return all failures in few lines: each kind of error once in full, with the ids that met it."""
    kinds: dict[str, list[ScanItem]] = {}
    for item in failed:
        status = getattr(item.error, "status", "")
        kinds.setdefault(f"{type(item.error).__name__} {status}".strip(), []).append(item)
    lines = []
    for items in kinds.values():
        such_as = "" if len(items) == 1 else f"{len(items)} times, such as "
        lines.append(f"\n  {such_as}{items[0].error}")
        sections: dict[int, list[str]] = {}
        for item in items:
            groups = sections.setdefault(item.section_id, [])
            if item.group_id is not None:
                groups.append(str(item.group_id))
        for section_id, groups in sections.items():
            kind = ": group " if len(groups) == 1 else ": groups " if groups else ""
            lines.append(f"\n    section {section_id}{kind}{', '.join(groups)}")
    return "".join(lines)
