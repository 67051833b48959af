"""Which rows of a warehouse a load may delete or retire, as SQL: never what the journal does not know. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import cached_property
from typing import TYPE_CHECKING
from zlib import crc32

from attrs import frozen

from partoo_async._internal.checks import check_text
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Coverage",
    "businesses_scope",
    "check_organization",
    "groups_scope",
    "organization_scope",
    "schema_name",
    "sections_scope",
]

# What databases differ about inside a literal, and what dlt and SQLAlchemy replace in a condition.
_REFUSED = "'\"\\{}:;%`"


@frozen(slots=False)
class Coverage:
    """What of an organization is in a journal."""

    whole: bool  # every section is listed
    unreadable: frozenset[int]  # listed sections that could not be read
    groups: Mapping[int, tuple[int, ...]]  # of each section, those that it has, or those that were asked for
    listed: frozenset[int]  # sections whose list of groups was read
    succeeded: Mapping[int, Set[int]]  # the groups of each section that were read
    failed: Mapping[int, Set[int]]  # those that could not be
    businesses: str | None  # "all"; since when, if only changed ones are there; None: some

    @cached_property
    def sections(self) -> tuple[int, ...]:
        """The sections that rows are made of."""
        return tuple(sorted(self.groups.keys() - self.unreadable))

    def has(self, section_id: int, group_id: int) -> bool:
        """Whether there are rows of a group."""
        return group_id in self._read.get(section_id, ())

    def unread(self, section_id: int) -> Set[int]:
        """Return its groups that are not known."""
        return self._unread.get(section_id, frozenset())

    @cached_property
    def not_reached(self) -> dict[int, tuple[int, int]]:
        """How many groups were never tried, and how many there are, by section."""
        counts = {key: len(groups - self.failed.get(key, frozenset())) for key, groups in self._unread.items()}
        return {key: (count, len(self.groups[key])) for key, count in counts.items() if count}

    @cached_property
    def _read(self) -> dict[int, frozenset[int]]:
        # A journal keeps the success of a group that was deleted during the scan.
        none: frozenset[int] = frozenset()
        return {key: frozenset(self.groups[key]) & self.succeeded.get(key, none) for key in self.sections}

    @cached_property
    def _unread(self) -> dict[int, frozenset[int]]:
        unread = {key: frozenset(self.groups[key]) - self._read[key] for key in self.sections}
        return {key: groups for key, groups in unread.items() if groups}

    @property
    def whole_sections(self) -> bool:
        """Whether every section of the organization is known."""
        return self.whole and not self.unreadable

    @property
    def whole_groups(self) -> bool:
        """Whether every group of the organization is known."""
        return self.whole_sections and not self._unread

    def known_groups(self, column: str) -> str:
        """Return the condition for rows of groups that are known, or gone."""
        cases = []
        for key in self.sections:
            unread, read = self.unread(key), self._read[key]
            # The shorter list. By that of the read ones, a group that is gone stays until a scan is complete.
            if key not in self.listed or len(unread) > len(read):
                cases.append(f"WHEN {key} THEN CASE WHEN {_among(column, read)} THEN 1 ELSE 0 END")
            elif unread:
                cases.append(f"WHEN {key} THEN CASE WHEN {_among(column, unread)} THEN 0 ELSE 1 END")
        # One CASE: of thousands of conditions with AND, SQLite refuses the depth.
        return f"CASE section_id {' '.join(cases)} ELSE 1 END = 1" if cases else ""


def check_organization(value: object) -> str | None:
    """Return the mark, or raise ``ConfigurationError``."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = check_text("organization", value)
    if not text.strip() or not text.isprintable() or any(char in text for char in _REFUSED):
        raise ConfigurationError(f"organization: expected an id, or a name without any of {_REFUSED}")
    return text


def schema_name(organization: str | None) -> str:
    """Return the name of its dlt schema, which has its conditions."""
    if organization is None:
        return "partoo"
    plain = re.sub("[^a-z0-9]+", "_", organization.lower()).strip("_")[:20]
    return f"partoo_{plain}_{crc32(organization.encode()):08x}"


def organization_scope(organization: str | None) -> str:
    """Return the condition for its rows."""
    return "organization IS NULL" if organization is None else f"organization = '{organization}'"


def sections_scope(coverage: Coverage, organization: str | None) -> str:
    """Return the condition for ``sections``."""
    return _all_of(organization_scope(organization), _of_sections(coverage, "id", coverage.listed))


def groups_scope(coverage: Coverage, organization: str | None, column: str) -> str:
    """Return the condition for a table with the ids of groups in ``column``."""
    sections = _of_sections(coverage, "section_id", coverage.groups)
    return _all_of(organization_scope(organization), sections, coverage.known_groups(column))


def businesses_scope(coverage: Coverage, organization: str | None) -> str:
    """Return the condition for ``businesses``."""
    # Without the whole list, those that are replaced.
    replaced = "" if coverage.businesses == "all" else "id IN (SELECT id FROM {staging_table})"
    return _all_of(organization_scope(organization), replaced)


def _of_sections(coverage: Coverage, column: str, known: Iterable[int]) -> str:
    if not coverage.whole:
        return _among(column, {*known} - coverage.unreadable)
    return f"NOT {_among(column, coverage.unreadable)}" if coverage.unreadable else ""


def _among(column: str, ids: Iterable[int]) -> str:
    listed = ", ".join(map(str, sorted(ids)))
    return f"({column} IN ({listed}))" if listed else "(1 = 0)"


def _all_of(*conditions: str) -> str:
    return " AND ".join(filter(None, conditions))
