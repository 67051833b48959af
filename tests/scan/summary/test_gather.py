"""What is counted of a scan. Every number is worked out by hand."""

from __future__ import annotations

from attrs import astuple

from partoo_async import Business
from partoo_async.scan.summary.words import size_line, size_steps
from tests.scan.summary.support import failure, organization, success, summarized


def test_the_figures_of_an_organization() -> None:
    """Businesses count once each, failed and unreached groups are told apart, lists begin with the largest."""
    found = organization()
    assert [astuple(section) for section in found.sections] == [
        (7, "Countries", 3, 1, 2, 5, 4),
        (9, "Concepts", 1, 0, 0, 4, 4),
    ]
    assert [(group.group_id, group.businesses) for group in found.groups] == [(11, 4), (1, 3), (2, 2), (3, 0)]
    assert [(one.section_id, one.group_id) for one in found.failures] == [(7, 4), (8, None)]
    assert (found.not_reached, found.memberships, found.businesses, found.repeated) == (1, 9, 4, 1)
    overlaps = [(one.first.group_id, one.second.group_id, one.shared) for one in found.overlaps]
    assert overlaps == [(11, 1, 3), (11, 2, 2), (1, 2, 1)]
    assert [one.business_id for one in found.ungrouped or ()] == ["f", "e"]
    assert [group.group_id for group in found.empty] == [3]
    assert [one.section_id for one in found.unread] == [8]


def test_businesses_in_no_group_need_the_whole_list() -> None:
    """Those that a scan happened to look up say nothing about the others."""
    assert summarized([], businesses=[Business("a", "A")], whole=False).ungrouped is None
    assert len(summarized([], businesses=[Business("a", "A")], whole=True).ungrouped or ()) == 1


def test_a_journal_that_was_resumed_has_more_than_there_is() -> None:
    """A group that was deleted meanwhile does not count, nor one whose section could no longer be read."""
    items = [
        success(7, 1, "A", "a"),
        success(7, 2, "gone", "b"),
        failure(7, 3),
        success(8, 5, "old", "c"),
        failure(8, None),
    ]
    found = summarized(items, sections={7: ("Seven", [1]), 8: ("Eight", [5])})
    assert [group.group_id for group in found.groups] == [1]
    assert [(one.section_id, one.group_id) for one in found.failures] == [(8, None)]
    assert found.businesses == 1


def test_the_last_outcome_counts() -> None:
    """A group that failed and was read afterwards did not fail."""
    found = summarized([failure(7, 1), success(7, 1, "A", "aab")])
    assert (len(found.failures), found.groups[0].businesses) == (0, 2)


def test_sizes_in_steps() -> None:
    """Of 1, 2, 5, 10 and so on, up to the largest group; each group is in one step."""
    found = organization()
    assert size_steps(found.groups) == [(0, 0, 1), (1, 1, 0), (2, 4, 3)]
    assert size_line(found.groups) == "Half of the groups have at most 2 businesses. The largest has 4."
    many = summarized([success(7, 1, "A", map(str, range(250)))])
    assert size_steps(many.groups)[-2:] == [(100, 199, 0), (200, 499, 1)]
    assert size_steps(()) == []
    assert size_line(()) == "No group was read."
