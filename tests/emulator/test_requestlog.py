"""The log of requests."""

from __future__ import annotations

from typing import Any

import pytest

from partoo_async.emulator.http import request_log
from partoo_async.emulator.http.request_log import RequestLog, SeenRequest, busiest_window
from tests.support.each import each


@each(
    ("times", "per", "expected"),
    [
        ([], 1.0, 0),
        ([5.0], 1.0, 1),
        ([0.0, 0.5, 0.9], 1.0, 3),
        ([0.0, 1.0], 1.0, 1),  # exactly one window apart: in no window together
        ([0.0, 0.999], 1.0, 2),
        ([3.0, 0.2, 0.1, 3.1, 3.2], 1.0, 3),  # any order
        ([0.0, 0.4, 0.8, 1.2, 1.6], 1.0, 3),
        ([7.0, 7.0, 7.0], 0.001, 3),
    ],
)
def test_the_busiest_window_is_the_most_in_any_window(times: list[float], per: float, expected: int) -> None:
    """The window slides over every position, and holds its start but not its end."""
    assert busiest_window(times, per) == expected


def test_the_log_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the emulator runs, the log is bounded."""
    assert request_log.LOG_SIZE <= 200_000
    monkeypatch.setattr(request_log, "LOG_SIZE", 1000)
    log = RequestLog()
    for number in range(1000 + 5):
        log.add(SeenRequest(float(number), "GET", "/v2/sections", "/sections", None, 200))
    kept = list(log)
    assert len(kept) == 1000
    assert kept[0].time == 5.0


def test_plain_reads_are_kept_as_what_differs_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told like any other request, in order, and counted; its object is made when somebody asks for it."""
    made: list[SeenRequest] = []

    def counted(*values: Any) -> SeenRequest:
        made.append(SeenRequest(*values))
        return made[-1]

    other = SeenRequest(2.0, "GET", "/v2/sections", "/sections", None, 401)
    path, route = "/v2/sections/1/groups/2", "/sections/{section_id}/groups/{group_id}"
    log = RequestLog()
    with monkeypatch.context() as patched:
        patched.setattr(request_log, "SeenRequest", counted)
        log.add_read((1.0, path, route, "key-1"))
        log.add(other)
        assert not made
    assert [*log.times()] == [1.0, 2.0]
    expected = [SeenRequest(1.0, "GET", path, route, "key-1", 200), other]
    assert [*log] == expected
    assert [*reversed(log)] == expected[::-1]
    assert log.statuses == {200: 1, 401: 1}
