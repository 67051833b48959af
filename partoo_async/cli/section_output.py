"""Sections as objects and as lines."""

from __future__ import annotations

from typing import Any

from partoo_async.cli.output import yes_no
from partoo_async.cli.text import clean
from partoo_async.models import Section

__all__ = ["section_lines", "section_object"]


def section_object(section: Section) -> dict[str, Any]:
    """Return a section as ``--json`` prints it."""
    groups = [{"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in section.groups]
    flags = {"can_edit": section.can_edit, "has_puller": section.has_puller}
    return {"section_id": section.id, "name": section.name, **flags, "groups": groups}


def section_lines(section: Section) -> str:
    """Return a section as people read it."""
    fields = {
        "section": str(section.id),
        "name": clean(section.name),
        "editable": yes_no(section.can_edit),
        "puller": yes_no(section.has_puller),
        "groups": f"{len(section.groups):,}",
    }
    lines = [f"{name:<10}  {value}" for name, value in fields.items()]
    width = max((len(str(group.id)) for group in section.groups), default=0)
    return "\n".join([*lines, *(f"  {group.id:>{width}}  {clean(group.name)}" for group in section.groups)])
