"""What a scan says: before it starts, while it runs, of each key, and at the end."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from partoo_async.errors import PartooError, ScanError
from partoo_async.models import Group

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
    """What a scan is going to do: ``sections`` read, ``groups`` to read, ``requests`` in all, section reads included.

    ``seconds``: how long the groups take at least, at the present state of the quota.
    """

    sections: int
    groups: int
    requests: int
    seconds: float

    def __str__(self) -> str:
        about = "about " if self.seconds >= 0.5 else ""
        groups = "1 group" if self.groups == 1 else f"{self.groups} groups"
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        return f"{groups}, {requests}, {about}{duration(self.seconds)}"


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
    still pauses the quota.
    """

    done: int
    failed: int
    total: int
    rate: float
    eta: float
    paused_for: float


@frozen
class ScanReport:
    """The outcomes of a scan, in completion order.

    ``requests`` counts every request sent, retries and section reads included; ``retries`` how many of them were
    repeats. ``seconds``: from start to end. ``drift``: how answers differed from the documentation, such as
    ``Group.business_ids missing``, and in how many answers.
    """

    items: tuple[ScanItem, ...]
    requests: int
    seconds: float
    drift: Mapping[str, int] = field(factory=dict)
    retries: int = 0

    @property
    def succeeded(self) -> tuple[ScanItem, ...]:
        """The items that have a group."""
        return tuple(item for item in self.items if item.error is None)

    @property
    def failed(self) -> tuple[ScanItem, ...]:
        """The items that have an error."""
        return tuple(item for item in self.items if item.error is not None)

    def raise_for_failures(self) -> None:
        """Raise a ``ScanError`` that names the failures, if there are any."""
        failed = self.failed
        if failed:
            shown = "".join(f"\n  {_key(item)}: {item.error}" for item in failed[:20])
            more = f"\n  and {len(failed) - 20} more" if len(failed) > 20 else ""
            raise ScanError(f"{len(failed)} of {len(self.items)} outcomes failed:{shown}{more}", self)


def _key(item: ScanItem) -> str:
    return f"section {item.section_id}" + ("" if item.group_id is None else f", group {item.group_id}")
