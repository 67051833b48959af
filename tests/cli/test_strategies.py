"""``partoo scan`` with the names of businesses, and with the fewest requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partoo_async.emulator import Behaviour, EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result

Partoo = Callable[..., Result]

LIST = "by the list of businesses"


def served(serve: Callable[..., Emulator], groups: int = 40, **options: Any) -> Emulator:
    """A section whose group n has the businesses b0 to bn, of which only b1 and b2 have a name."""
    named = {1: "Bar [red]", 2: "Le Café"}
    businesses = [EmulatedBusiness(f"b{number}", named.get(number, "")) for number in range(groups)]
    members = {n: EmulatedGroup(n, f"G{n}", business_ids=[f"b{m}" for m in range(n + 1)]) for n in range(groups)}
    return serve(sections=[EmulatedSection(7, "S", members)], businesses=businesses, rate_limit=None, **options)


def paths(emulator: Emulator) -> list[str]:
    return [seen.path.removeprefix("/v2") for seen in emulator.requests]


@pytest.mark.parametrize("words", [["7"], ["--all"], ["--all", "--strategy", "businesses"]])
def test_with_businesses_the_table_has_names(serve: Callable[..., Emulator], partoo: Partoo, words: list[str]) -> None:
    """Two names of each group, as text and not as markup, beside the count; without the option nothing is looked up."""
    emulator = served(serve, groups=4)
    result = partoo("scan", *words, "--with-businesses")
    assert result.code == 0
    head, _, *rows = [" ".join(line.split()) for line in result.out.splitlines()]
    assert head == "section group name puller businesses such as"
    assert rows == ["7 0 G0 no 1", "7 1 G1 no 2 Bar [red]"] + [
        f"7 {n} G{n} no {n + 1} Bar [red], Le Café" for n in (2, 3)
    ]
    assert any(path.startswith("/business/search") for path in paths(emulator))
    before = len(emulator.requests)
    assert "such as" not in partoo("scan", 7).out
    assert not any(path.startswith("/business") for path in paths(emulator)[before:])


def test_failures_are_shown_beside_the_names(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """A group that failed has an error and no names, in columns of their own."""
    served(serve, groups=4)
    result = partoo("scan", 7, "--group", 2, "--group", 99, "--with-businesses")
    assert result.code == 1
    head, _, *rows = [" ".join(line.split()) for line in result.out.splitlines()]
    assert head == "section group name puller businesses such as error"
    assert rows[0] == "7 2 G2 no 3 Bar [red], Le Café"
    assert rows[1].startswith("7 99 404 Not Found for GET")


@pytest.mark.parametrize(
    ("verify", "requests", "sureness"),
    [
        ([], 23, "20 of 40 groups verified: at most 15 % can differ (95 % confidence)"),
        (["--verify", "30"], 33, "30 of 40 groups verified: at most 10 % can differ (95 % confidence)"),
        (["--verify", "all"], 43, "and all of 40 groups verified"),
    ],
)
def test_the_plan_and_the_summary_say_how_sure_it_is(
    serve: Callable[..., Emulator], partoo: Partoo, verify: list[str], requests: int, sureness: str
) -> None:
    """By the list of businesses: two for the sections, one page, and the groups that are verified, and no more."""
    emulator = served(serve)
    result = partoo("scan", "--all", "--strategy", "businesses", *verify)
    assert result.code == 0
    plan, summary, how = result.err.splitlines()
    assert plan.startswith(f"40 groups, {requests} requests, ")
    assert plan.endswith(f", {LIST}")
    assert summary.startswith(f"40 groups, 40 businesses, 0 failures, {requests} requests, ")
    assert how == f"{LIST}{',' if 'of 40' in sureness else ''} {sureness}"
    assert len(emulator.requests) == requests
    assert [line.split()[-1] for line in result.out.splitlines()[2:]] == [str(n + 1) for n in range(40)]


def test_auto_takes_what_costs_less(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """Where there are too few groups for a sample, each is read by itself, and nothing more is said."""
    emulator = served(serve, groups=4)
    result = partoo("scan", "--all", "--strategy", "auto")
    assert result.code == 0
    assert len(result.err.splitlines()) == 2
    assert LIST not in result.err
    assert len(emulator.requests) == 6


def test_a_fallback_is_told_with_its_reason(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """A list that does not hold is a warning when it is seen, and stands below the summary; the table is right."""
    emulator = served(serve, behaviour=Behaviour(business_groups=False))
    result = partoo("scan", "--all", "--strategy", "businesses")
    assert result.code == 0
    reason = "because the list of businesses does not say which groups each is in"
    warning = f"partoo: warning: scan: each group is read by itself, {reason}"
    lines = result.err.splitlines()
    assert warning in lines
    assert lines[-1] == f"each group was read by itself, {reason}"
    assert lines[-2].startswith("40 groups, 40 businesses, 0 failures, 43 requests, ")
    assert len(emulator.requests) == 43
    assert [line.split()[-1] for line in result.out.splitlines()[2:]] == [str(n + 1) for n in range(40)]
