"""What a scan is asked to cover, checked: some sections, some groups of one, or a whole organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.checks import check_callback, check_count, check_id, check_ids
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scope", "check_options", "describe"]


@frozen
class Scope:
    """``sections``: the ids in the order given, None for all of an organization; ``groups``: only these of one section.

    ``org_id``: of which organization, when it is all; None for the key's own.
    """

    sections: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    org_id: int | None = None

    @classmethod
    def of_sections(
        cls, section_ids: int | str | Iterable[int | str], group_ids: int | str | Iterable[int | str] | None
    ) -> Scope:
        """Check the arguments of ``client.scan``. Raises ``ConfigurationError``, which names the wrong one."""
        sections = check_ids("section_ids", section_ids)
        groups = None if group_ids is None else check_ids("group_ids", group_ids)
        if groups is not None and len(sections) != 1:
            raise ConfigurationError(f"group_ids: goes with one section, not with {len(sections)}")
        return cls(sections, groups)

    @classmethod
    def of_organization(cls, org_id: int | str | None) -> Scope:
        """Check the argument of ``client.scan_all``. Raises ``ConfigurationError``."""
        return cls(org_id=None if org_id is None else check_id("org_id", org_id))

    def plain(self) -> dict[str, Any]:
        """Return the scope as JSON values, the same for the same scope in whatever order its ids were given."""
        return {
            "sections": None if self.sections is None else sorted(self.sections),
            "groups": None if self.groups is None else sorted(self.groups),
            "org_id": self.org_id,
        }


def describe(plain: dict[str, Any]) -> str:
    """Return a scope's plain form as people say it: "sections 7, 9"."""
    if plain["sections"] is None:
        return "all sections" + ("" if plain["org_id"] is None else f" of organization {plain['org_id']}")
    text = "section " if len(plain["sections"]) == 1 else "sections "
    text += _few(plain["sections"])
    return text if plain["groups"] is None else f"{text}, groups {_few(plain['groups'])}"


def _few(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:10]))
    return shown if len(ids) <= 10 else f"{shown} and {len(ids) - 10} more"


def check_options(max_concurrency: object, on_progress: object, journal: object, *, resume: bool) -> None:
    """Check the other arguments of ``client.scan``. Raises ``ConfigurationError``."""
    if max_concurrency is not None:
        check_count("max_concurrency", max_concurrency, least=1)
    check_callback("on_progress", on_progress)
    if resume and journal is None:
        raise ConfigurationError("resume: goes with journal=..., the file that an earlier run was recorded in")
