"""A change as people look at it before it is made: what it does, before and after, how to undo it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from partoo_async.cli.text import clean, shell_words
from partoo_async.models import Group, Section

__all__ = [
    "SHOWN",
    "Change",
    "create_group",
    "create_section",
    "delete_group",
    "delete_section",
    "difference",
    "rename_section",
    "update_group",
]

SHOWN = 20
"""Businesses of which ids and names are shown, and ids that the command to undo may have."""

_WIDTH = 12  # of a field's name
_NEW_ID = "NEW_ID"  # stands for the id of what is not created yet


@frozen
class Change:
    """``before`` and ``after``: the group or section as an object, None where there is none."""

    action: str
    target: str
    place: Mapping[str, int | None]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    details: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return self.before == self.after

    @property
    def businesses(self) -> list[str]:
        """The ids of a group's businesses afterwards."""
        return list((self.after or {}).get("business_ids", ()))

    def lines(self) -> list[str]:
        """Return the preview."""
        return [f"{self.action.partition(' ')[0]} {self.target}", *(f"  {line}" for line in self.details)]

    def undo_of(self, made: int | None) -> list[str]:
        """Return the commands that undo it. ``made``: the id of what was created."""
        return [line.replace(_NEW_ID, str(made)) for line in self.undo] if self.before is None else list(self.undo)

    def as_object(self, *, done: bool, made: int | None = None) -> dict[str, Any]:
        """Return it for ``--json``."""
        place = {name: made if number is None else number for name, number in self.place.items()}
        states = {"before": self.before and dict(self.before), "after": self.after and dict(self.after)}
        return {"action": self.action, **place, **states, "done": done, "undo": self.undo_of(made) if done else []}


def _named(kind: str, number: int, name: str) -> str:
    return f"{kind} {number} '{clean(name)}'"


def _field(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"


def _listed(sign: str, ids: Sequence[str], names: Mapping[str, str | None]) -> Iterable[str]:
    for one in ids[:SHOWN]:
        # Without a single name, the key may not read businesses: that says nothing of them.
        name = "" if not names else (names[one] or "") if one in names else "(not found)"
        yield f"  {sign} {clean(one)}  {clean(name)}".rstrip()
    if len(ids) > SHOWN:
        yield f"  {sign} and {len(ids) - SHOWN:,} more"


def _command(*words: object, server: str | None) -> str:
    chosen = [] if server is None else ["--server", server]
    return shell_words(["partoo", *map(str, words), *chosen])


def _group(name: str, ids: Iterable[str]) -> dict[str, Any]:
    return {"name": name, "business_ids": list(ids)}


def create_group(
    section: Section, name: str, ids: Sequence[str], names: Mapping[str, str | None], server: str | None
) -> Change:
    """Preview a new group."""
    details = (_field("businesses", f"{len(ids):,}"), *_listed("+", ids, names))
    target = f"group '{clean(name)}' in {_named('section', section.id, section.name)}"
    place = {"section_id": section.id, "group_id": None}
    undo = (_command("group", "delete", section.id, _NEW_ID, server=server),)
    return Change("create group", target, place, None, _group(name, ids), details, undo)


def update_group(
    section: Section,
    group: Group,
    name: str | None,
    ids: Sequence[str] | None,
    names: Mapping[str, str | None],
    server: str | None,
) -> Change:
    """Preview another name, other businesses, or both. None: as it is."""
    new_name = group.name if name is None else name
    new_ids = list(group.business_ids if ids is None else ids)
    added, removed = difference(group.business_ids, new_ids)
    details, undo = [], []
    if new_name != group.name:
        details.append(_field("name", f"{clean(group.name)} -> {clean(new_name)}"))
        undo.append(_command("group", "update", section.id, group.id, "--name", group.name, server=server))
    if added or removed:
        details.append(_field("businesses", f"{len(group.business_ids):,} -> {len(new_ids):,}"))
        details += [*_listed("+", added, names), *_listed("-", removed, names)]
        for word, changed in (("remove", added), ("add", removed)):
            if changed and len(changed) <= SHOWN:
                undo.append(_command("group", word, section.id, group.id, *changed, server=server))
    else:
        new_ids = list(group.business_ids)
    if max(len(added), len(removed)) > SHOWN:
        undo, details = [], [*details, _keep_first(section.id, group.id, server)]
    before, after = _group(group.name, group.business_ids), _group(new_name, new_ids)
    place = {"section_id": section.id, "group_id": group.id}
    return Change("update group", _whole(section, group), place, before, after, tuple(details), tuple(undo))


def difference(before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return which ids are added and which removed, each once."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return [one for one in new if one not in old], [one for one in old if one not in new]


def _whole(section: Section, group: Group) -> str:
    return f"{_named('group', group.id, group.name)} in {_named('section', section.id, section.name)}"


def _keep_first(section_id: int, group_id: int, server: str | None) -> str:
    command = _command("group", section_id, group_id, "--json", server=server)
    return _field("keep first", f"{command} > group-{group_id}.json")


def delete_group(section: Section, group: Group, names: Mapping[str, str | None], server: str | None) -> Change:
    """Preview a deletion."""
    ids = list(dict.fromkeys(group.business_ids))
    details = [_field("businesses", f"{len(ids):,}, which stay"), *_listed("-", ids, names)]
    undo: tuple[str, ...] = ()
    if len(ids) <= SHOWN:
        words = ("group", "create", section.id, *(ids or ["--empty"]), "--name", group.name)
        undo = (_command(*words, server=server) + "  # it gets another id",)
    else:
        details.append(_keep_first(section.id, group.id, server))
    place = {"section_id": section.id, "group_id": group.id}
    before = _group(group.name, group.business_ids)
    return Change("delete group", _whole(section, group), place, before, None, tuple(details), undo)


def create_section(name: str, org_id: int | None, server: str | None) -> Change:
    """Preview a new section."""
    target = f"section '{clean(name)}'" + ("" if org_id is None else f" in organization {org_id}")
    undo = (_command("section", "delete", _NEW_ID, server=server),)
    return Change("create section", target, {"section_id": None}, None, {"name": name}, undo=undo)


def rename_section(section: Section, name: str, server: str | None) -> Change:
    """Preview another name."""
    details = (_field("name", f"{clean(section.name)} -> {clean(name)}"),)
    undo = (_command("section", "update", section.id, "--name", section.name, server=server),)
    target = _named("section", section.id, section.name)
    states = ({"name": section.name}, {"name": name})
    return Change("rename section", target, {"section_id": section.id}, *states, details, undo)


def delete_section(section: Section, server: str | None) -> Change:
    """Preview a deletion."""
    groups = section.groups
    details = [_field("groups", f"{len(groups):,}")]
    details += [f"  - {group.id}  {clean(group.name)}" for group in groups[:SHOWN]]
    if len(groups) > SHOWN:
        details.append(f"  - and {len(groups) - SHOWN:,} more")
    undo: tuple[str, ...] = ()
    if groups:
        details.append(_field("beware", "the API does not say what becomes of them; nothing brings them back"))
        command = _command("scan", section.id, "--json", server=server)
        details.append(_field("keep first", f"{command} > section-{section.id}.jsonl"))
    else:
        undo = (_command("section", "create", "--name", section.name, server=server) + "  # it gets another id",)
    before = {"name": section.name, "groups": [{"id": group.id, "name": group.name} for group in groups]}
    target = _named("section", section.id, section.name)
    return Change("delete section", target, {"section_id": section.id}, before, None, tuple(details), undo)
