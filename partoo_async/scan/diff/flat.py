"""A comparison as a flat list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from partoo_async._internal.values import Value
from partoo_async.models import BusinessId
from partoo_async.scan.diff.businesses import place, status

if TYPE_CHECKING:
    from partoo_async.models import Group
    from partoo_async.scan.diff.businesses import BusinessChange

__all__ = ["Change", "Flattening"]


@frozen(kw_only=True)
class Change(Value):
    """One thing that changed. What it is not about, and a name that is not known, is None.

    Attributes:
        kind: "section_added", "section_removed", "section_renamed", "group_added", "group_removed", "group_renamed",
            "group_puller_changed", "business_joined" or "business_left" a group, "business_renamed",
            "business_closed", "business_reopened", "business_status_changed" or "business_moved".
        section_id: The section.
        section_name: Its name.
        group_id: The group.
        group_name: Its name, the later one.
        business_id: The business.
        business_name: Its name, likewise.
        before: The name, status, address or ``has_puller`` until then.
        after: The one since then.
    """

    kind: str
    section_id: int | None = None
    section_name: str | None = None
    group_id: int | None = None
    group_name: str | None = None
    business_id: BusinessId | None = None
    business_name: str | None = None
    before: str | bool | None = None
    after: str | bool | None = None


@frozen
class Flattening:
    """Makes the list, with the names that are known."""

    _sections: Mapping[int, str]
    _businesses: Mapping[BusinessId, str]

    def section(self, what: str, section_id: int, before: str | None, after: str | None) -> Change:
        """Return the change of a section."""
        name = before if after is None else after
        return Change(kind=f"section_{what}", section_id=section_id, section_name=name, before=before, after=after)

    def group(self, section_id: int, was: Group | None, now: Group | None) -> Iterator[Change]:
        """Yield the changes of a group, then those of its members."""
        group = was if now is None else now
        if group is None:
            return
        about = Change(
            kind="",
            section_id=section_id,
            section_name=self._sections.get(section_id),
            group_id=group.id,
            group_name=group.name,
        )
        if was is None:
            yield evolve(about, kind="group_added", after=group.name)
        elif now is None:
            yield evolve(about, kind="group_removed", before=group.name)
        else:
            if was.name != now.name:
                yield evolve(about, kind="group_renamed", before=was.name, after=now.name)
            if was.has_puller != now.has_puller:
                yield evolve(about, kind="group_puller_changed", before=was.has_puller, after=now.has_puller)
        before, after = ({*group.business_ids} if group else set[str]() for group in (was, now))
        for kind, ids in (("business_joined", after - before), ("business_left", before - after)):
            for business_id in sorted(ids):
                name = self._businesses.get(business_id)
                yield evolve(about, kind=kind, business_id=business_id, business_name=name)

    @staticmethod
    def business(changed: BusinessChange) -> Iterator[Change]:
        """Yield the changes of a business."""
        was, now = changed.before, changed.after
        kind = "closed" if changed.closed else "reopened" if changed.reopened else "status_changed"
        for differs, what, before, after in (
            (changed.renamed, "renamed", was.name, now.name),
            (changed.status_changed, kind, status(was), status(now)),
            (changed.moved, "moved", place(was), place(now)),
        ):
            if differs:
                name = now.name or was.name
                yield Change(
                    kind=f"business_{what}", business_id=now.id, business_name=name or None, before=before, after=after
                )
