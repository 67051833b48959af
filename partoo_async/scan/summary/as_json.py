"""A summary as one JSON object, with keys that stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import asdict

from partoo_async._internal.text import json_safe
from partoo_async._internal.values import error_object
from partoo_async.scan.summary.words import size_steps

if TYPE_CHECKING:
    from datetime import datetime

    from partoo_async.scan.diff.changes import ScanDiff
    from partoo_async.scan.summary.facts import FailedRead, GroupSize, Summary

__all__ = ["json_report"]


def json_report(summary: Summary, diff: ScanDiff | None, since: datetime | None, most: int | None) -> str:
    """Return the summary as JSON, with ``most`` entries of each list. ``counts`` has how many there are."""
    run = summary.run
    value = {
        "at": run.at.isoformat(),
        "since": None if since is None else since.isoformat(),
        "server": run.server,
        "version": run.version,
        "complete": run.complete,
        "requests": run.requests,
        "seconds": run.seconds,
        "businesses_problem": run.businesses_problem or None,
        "counts": _counts(summary),
        "sections": [asdict(section) for section in summary.sections[:most]],
        "group_sizes": [
            {"least": least, "most": last, "groups": count} for least, last, count in size_steps(summary.groups)
        ],
        "groups": [_group(summary, group) for group in summary.groups[:most]],
        "overlaps": [
            {
                "first": _group(summary, one.first),
                "second": _group(summary, one.second),
                "shared": one.shared,
            }
            for one in summary.overlaps[:most]
        ],
        "empty_groups": [_group(summary, group) for group in summary.empty[:most]],
        "ungrouped_businesses": (
            None if summary.ungrouped is None else [asdict(one) for one in summary.ungrouped[:most]]
        ),
        "failures": [_failure(summary, failure) for failure in summary.failures[:most]],
        "changes": None if diff is None else _changes(summary, diff, most),
    }
    return json_safe(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def _counts(summary: Summary) -> dict[str, int | None]:
    unread = len(summary.unread)
    return {
        "sections": len(summary.sections),
        "sections_failed": unread,
        "groups": len(summary.groups),
        "groups_failed": len(summary.failures) - unread,
        "groups_not_reached": summary.not_reached,
        "groups_empty": len(summary.empty),
        "groups_inferred": summary.inferred,
        "memberships": summary.memberships,
        "businesses": summary.businesses,
        "businesses_repeated": summary.repeated,
        "businesses_ungrouped": None if summary.ungrouped is None else len(summary.ungrouped),
    }


def _group(summary: Summary, group: GroupSize) -> dict[str, Any]:
    known = {"section_id": group.section_id, "section_name": summary.names.get(group.section_id)}
    return known | asdict(group)


def _failure(summary: Summary, failure: FailedRead) -> dict[str, Any]:
    return {
        "section_id": failure.section_id,
        "section_name": summary.names.get(failure.section_id),
        "group_id": failure.group_id,
        "error": error_object(failure.error),
    }


def _changes(summary: Summary, diff: ScanDiff, most: int | None) -> dict[str, Any]:
    """Return the diff as ``to_dict`` does, less what is over the bound, and with the names of its businesses."""
    whole = diff.to_dict()
    value = {key: _cut(part, most) for key, part in whole.items()}
    for change in value["groups_changed"]:
        change |= {key: _cut(change[key], most) for key in ("joined", "left")}
    for added in (*value["groups_added"], *value["groups_removed"]):
        added["business_ids"] = _cut(added["business_ids"], most)
    told = {one for change in value["groups_changed"] for one in (*change["joined"], *change["left"])}
    value["business_names"] = {one: summary.business(one).name for one in sorted(told)}
    value["counts"] = {key: len(part) for key, part in whole.items() if isinstance(part, list)}
    return value


def _cut(part: Any, most: int | None) -> Any:
    return part[:most] if isinstance(part, list) else part
