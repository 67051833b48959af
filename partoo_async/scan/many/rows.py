"""An outcome of many organizations as a row of plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._internal.describe import describe
from partoo_async.errors import PartooError
from partoo_async.scan.items import ScanFailure, ScanItem, ScanSuccess
from partoo_async.scan.outcomes import item_object
from partoo_async.scan.rows import BUSINESS_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from partoo_async.models import Group

__all__ = ["ManyItem", "group_of", "many_object"]

ManyItem: TypeAlias = tuple[str, ScanItem | PartooError]
"""What ``scan_many`` yields: the name of the organization, and an outcome or why the organization failed as a whole."""


def group_of(outcome: object) -> Group | None:
    """Return the group of an outcome, of one organization or of many."""
    item = outcome[1] if isinstance(outcome, tuple) else outcome
    return item.group if isinstance(item, (ScanSuccess, ScanFailure)) else None


def many_object(
    outcome: ManyItem, *, businesses: bool = False, sequence: Callable[[tuple[str, ...]], Sequence[str]] = list
) -> dict[str, Any]:
    """Return an outcome as a row, like ``item_object``."""
    name, item = outcome
    if not isinstance(item, PartooError):
        return {"organization": name, **item_object(item, businesses=businesses, sequence=sequence)}
    unknown = (
        "section_id",
        "group_id",
        "name",
        "has_puller",
        "business_ids",
        *(BUSINESS_COLUMNS if businesses else ()),
    )
    return {"organization": name, **dict.fromkeys(unknown), "error": describe(item)}
