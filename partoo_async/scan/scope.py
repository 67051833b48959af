"""Checks the arguments of a scan. Each function raises ``ConfigurationError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.checks import check_callback, check_count, check_flag, check_id, check_ids
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scope", "check_options", "scope_text"]


@frozen
class Scope:
    """What a scan covers: some sections, some groups of one, or all sections of an organization."""

    sections: tuple[int, ...] | None = None  # in the order given; None: all of the organization
    groups: tuple[int, ...] | None = None  # of the one section; None: all
    org_id: int | None = None  # None: the organization of the key

    @classmethod
    def of_sections(
        cls, section_ids: int | str | Iterable[int | str], group_ids: int | str | Iterable[int | str] | None
    ) -> Scope:
        """Check the ids of ``client.scan``."""
        sections = check_ids("section_ids", section_ids)
        groups = None if group_ids is None else check_ids("group_ids", group_ids)
        if groups is not None and len(sections) != 1:
            raise ConfigurationError(f"group_ids: goes with one section, not with {len(sections)}")
        return cls(sections, groups)

    @classmethod
    def of_organization(cls, org_id: int | str | None) -> Scope:
        """Check the argument of ``client.scan_all``."""
        return cls(org_id=None if org_id is None else check_id("org_id", org_id))

    def plain(self) -> dict[str, Any]:
        """Return the scope as JSON values, whatever the order of its ids."""
        return {
            "sections": None if self.sections is None else sorted(self.sections),
            "groups": None if self.groups is None else sorted(self.groups),
            "org_id": self.org_id,
        }


def scope_text(plain: dict[str, Any]) -> str:
    """Return the plain form of a scope as text: "sections 7, 9"."""
    if plain["sections"] is None:
        return "all sections" + ("" if plain["org_id"] is None else f" of organization {plain['org_id']}")
    text = "section " if len(plain["sections"]) == 1 else "sections "
    text += _few(plain["sections"])
    return text if plain["groups"] is None else f"{text}, groups {_few(plain['groups'])}"


def _few(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:10]))
    return shown if len(ids) <= 10 else f"{shown} and {len(ids) - 10} more"


def check_options(max_concurrency: object, on_progress: object, journal: object, *, resume: bool) -> None:
    """Check the other arguments of ``client.scan``."""
    if max_concurrency is not None:
        check_count("max_concurrency", max_concurrency, least=1)
    check_callback("on_progress", on_progress)
    if check_flag("resume", resume) and journal is None:
        raise ConfigurationError("resume: goes with journal=..., the file that an earlier run was recorded in")
