"""Rows: what a journal has, as every database takes it."""

from __future__ import annotations

from datetime import UTC, datetime

from partoo_async import Business, Group, NotFoundError, ScanFailure
from partoo_async.warehouse.scope import Coverage
from partoo_async.warehouse.tables import GROUPS, MEMBERSHIPS, TABLES, business_row, problem_rows, rows_of_group
from tests.support.each import each


def test_each_column_has_a_type_and_a_description() -> None:
    """So that a table is the same whatever the first rows are, and says what it has. The key is never null."""
    for table in TABLES:
        hints = table.hints(organization=True)
        assert table.description
        assert all(hint["data_type"] and hint["description"] for hint in hints.values())
        assert {name for name, hint in hints.items() if not hint["nullable"]} == {*table.key, "organization"}
        assert table.hints(organization=False)["organization"]["nullable"]


def test_a_group_that_has_a_business_twice_has_it_once() -> None:
    """A key is unique in its table."""
    group = Group(7, "G\0", False, ("a", "b", "a"))
    assert [*rows_of_group(MEMBERSHIPS, 1, group)] == [
        {"section_id": 1, "group_id": 7, "business_id": one} for one in ("a", "b")
    ]
    facts = {"name": "G\N{REPLACEMENT CHARACTER}", "has_puller": False, "business_count": 2}
    assert [*rows_of_group(GROUPS, 1, group)] == [{"section_id": 1, "id": 7, **facts}]


@each(
    ("seconds", "time"),
    [
        (None, None),
        (0.5, datetime(1970, 1, 1, 0, 0, 0, 500_000, UTC)),
        (1e300, None),
        (float("nan"), None),
        (-1e15, None),
    ],
)
def test_times_that_no_calendar_has_are_null(seconds: float | None, time: datetime | None) -> None:
    """A business with a time that is none does not stop a load."""
    row = business_row(Business("b", name="a\0b", created=seconds))
    assert (row["created"], row["modified"], row["name"]) == (time, None, "a\N{REPLACEMENT CHARACTER}b")


def test_failures_of_groups_that_are_gone_are_no_problems() -> None:
    """A journal keeps them; what was never tried is one row for each section."""
    error = NotFoundError(404, detail="x" * 5_000)
    failures = [ScanFailure(1, group_id, None, error, 1, 0.1) for group_id in (1, 9)]
    coverage = Coverage(True, frozenset(), {1: (1, 2, 3)}, frozenset((1,)), {1: {2}}, {1: {1, 9}}, "all")
    failed, not_reached = problem_rows(coverage, failures)
    assert (failed["group_id"], failed["error"], len(failed["message"])) == (1, "NotFoundError", 1_000)
    assert not_reached == {
        "section_id": 1,
        "group_id": None,
        "error": "NotRead",
        "message": "1 of 3 groups were not read",
    }
