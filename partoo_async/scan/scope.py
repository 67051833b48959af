"""Checks the arguments of a scan. Each function raises ``ConfigurationError``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.callbacks import check_callback
from partoo_async._internal.checks import check_id
from partoo_async._internal.text import encodable
from partoo_async.errors import ConfigurationError
from partoo_async.policy import as_int, check_count

if TYPE_CHECKING:
    import os

__all__ = ["Scope", "check_journal", "check_options", "scope_text"]


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
        sections = _check_ids("section_ids", section_ids)
        groups = None if group_ids is None else _check_ids("group_ids", group_ids)
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


def _check_ids(name: str, values: int | str | Iterable[int | str]) -> tuple[int, ...]:
    values = as_int(values)
    if isinstance(values, (int, str)):
        values = [values]
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"{name}: expected an id or an iterable of ids, not {type(values).__name__}")
    ids = tuple(dict.fromkeys(check_id(name, value) for value in values))
    if not ids:
        raise ConfigurationError(f"{name}: expected at least one id")
    return ids


def check_journal(value: str | os.PathLike[str]) -> Path:
    """Return the argument ``journal`` as a path."""
    try:
        path = Path(value)
    except TypeError:
        raise ConfigurationError(f"journal: expected the path of a file, not {type(value).__name__}") from None
    if not str(value) or "\0" in str(value):
        raise ConfigurationError("journal: expected the path of a file, not an empty one")
    if not encodable(path):
        raise ConfigurationError(f"journal: expected a name that a file can have, not {str(path)!r}")
    return path


def check_options(max_concurrency: object, on_progress: object, journal: object, *, resume: bool) -> None:
    """Check the other arguments of ``client.scan``."""
    if max_concurrency is not None:
        check_count("max_concurrency", max_concurrency, least=1)
    check_callback("on_progress", on_progress)
    if resume and journal is None:
        raise ConfigurationError("resume: goes with journal=..., the file that an earlier run was recorded in")
