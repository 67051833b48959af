"""What a scan found, as plain values: counts, and lists from the largest to the smallest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from partoo_async.errors import PartooError

__all__ = ["FailedRead", "GroupSize", "KnownBusiness", "Overlap", "Run", "SectionSize", "Summary"]


@frozen
class SectionSize:
    """A section that was read. ``businesses`` counts each once, ``failed`` also groups that were not reached."""

    section_id: int
    name: str | None
    groups: int = 0
    empty: int = 0
    failed: int = 0
    memberships: int = 0
    businesses: int = 0


@frozen
class GroupSize:
    """A group that was read."""

    section_id: int
    group_id: int
    name: str
    has_puller: bool
    businesses: int


@frozen
class Overlap:
    """Two groups, the larger one first, and how many businesses are in both."""

    first: GroupSize
    second: GroupSize
    shared: int


@frozen
class FailedRead:
    """A group, or with None a section, that could not be read."""

    section_id: int
    group_id: int | None
    error: PartooError


@frozen
class KnownBusiness:
    """What is known of a business, at least its id."""

    business_id: str
    name: str | None = None
    code: str | None = None
    city: str | None = None
    status: str | None = None


@frozen
class Run:
    """How the scan went. None: not known."""

    at: datetime  # when it began
    complete: bool
    requests: int | None = None
    seconds: float | None = None
    certainty: str = ""  # how sure inferred groups are, in words
    businesses_problem: str = ""  # why the list of all businesses was not read whole
    server: str | None = None
    version: str | None = None


@frozen
class Summary:
    """All that is told about a scan."""

    run: Run
    sections: tuple[SectionSize, ...]  # by businesses
    groups: tuple[GroupSize, ...]  # by businesses
    failures: tuple[FailedRead, ...]  # by ids
    not_reached: int  # groups
    memberships: int
    businesses: int  # in groups, each once
    repeated: int  # of these, in more than one group of the same section
    overlaps: tuple[Overlap, ...]  # by shared businesses
    compared: int  # among how many groups they were looked for, the largest ones
    inferred: int  # groups that come from the list of businesses
    ungrouped: tuple[KnownBusiness, ...] | None  # None: not every business of the organization is known
    known: Mapping[str, KnownBusiness] = field(factory=dict, repr=False)  # by id
    names: Mapping[int, str | None] = field(factory=dict, repr=False)  # of sections

    @property
    def empty(self) -> tuple[GroupSize, ...]:
        """The groups without a business."""
        return tuple(group for group in self.groups if not group.businesses)

    @property
    def unread(self) -> tuple[FailedRead, ...]:
        """The sections that could not be read."""
        return tuple(failure for failure in self.failures if failure.group_id is None)

    def business(self, business_id: str) -> KnownBusiness:
        """Return what is known of a business."""
        return self.known.get(business_id) or KnownBusiness(business_id)
