"""The rules of one exchange with the shared store, by hand: 10 slots per 10 s, the store's clock in milliseconds."""

from __future__ import annotations

import copy
import json
from typing import Any

from partoo_async.policy import RateLimit
from partoo_async.quota.shared.messages import Reply, Report, State, Terms, terms_of
from partoo_async.quota.shared.rules import exchange
from tests.support.each import each

# A beat of 0.2 s, a lease of 1 s, and 0.8 s until all have reported.
TERMS = Terms(limit=10, hold=10_010, reserve=2, beat=200, ttl=1000, settle=800, fallback=1, pace=1000)
MINUTE = 60_000


class Ledger:
    """A state, and what each process says and has got."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.state: State | None = None
        self.now = 10_000_000
        self.sent: dict[str, int] = {}
        self.seen: dict[str, int] = {}

    def settled(self, **owners: int) -> Ledger:
        """All of these have reported what they hold, and the time to settle has passed."""
        for owner, held in owners.items():
            self.ask(owner, held=held)
        for _ in range(4):
            self.now += 200
            for owner, held in owners.items():
                self.ask(owner, held=held)
        return self

    def ask(self, owner: str, terms: Terms | None = None, **told: Any) -> Reply:
        self.sent[owner] = told.pop("n", self.sent.get(owner, 0) + 1)
        told.setdefault("seen", self.seen.get(owner, 0))
        report = Report(owner, self.sent[owner], **told)
        self.state, reply = exchange(self.state, report, terms or self.terms, self.now)
        self.state = json.loads(json.dumps(self.state))  # as a store does
        self.seen[owner] = reply.version
        return reply


@each(
    "per, timeout, beat, ttl, settle",
    [
        (60.0, 1.0, 1000, 5000, 2500),
        (2.0, 0.2, 100, 1000, 350),
        (10.0, 0.5, 167, 1500, 751),
        (600.0, 1, 1000, 5000, 2500),
    ],
)
def test_times_follow_from_the_window(per: float, timeout: float, beat: int, ttl: int, settle: int) -> None:
    """A beat is a sixtieth of it; five, or three timeouts, are a lease; in 1.5 and a timeout all have reported."""
    terms = terms_of(RateLimit(300, per), 0.1, timeout)
    assert (terms.beat, terms.ttl, terms.settle) == (beat, ttl, settle)


def test_slots_follow_from_the_limit() -> None:
    """Of 300 a minute: a tenth in reserve and as fallback, a margin of 50 ms, 290 spaced sends at most."""
    terms = terms_of(RateLimit(300, 60.0, reserve=0.1), 0.1, 1.0)
    assert (terms.limit, terms.hold, terms.reserve, terms.fallback, terms.pace) == (300, 60_050, 30, 30, 207)
    assert terms_of(RateLimit(300, 60.0, share=0.5), 0.1, 1.0).limit == 150
    assert terms_of(RateLimit(1, 60.0), 0.1, 1.0).reserve == 0


@each("fallback, slots", [(0.1, 1), (0.5, 5), (0.29, 2), (0.0, 0), (1.0, 10)])
def test_a_fallback_is_at_least_one_slot_or_none(fallback: float, slots: int) -> None:
    """A process that is cut off goes on, however small the fraction; 0 stops it."""
    assert terms_of(RateLimit(10, 60.0), fallback, 1.0).fallback == slots


def test_a_first_process_may_use_the_fallback_until_the_others_have_reported() -> None:
    """The store may be new, or have been emptied: after 0.8 s everybody alive has told what it holds."""
    ledger = Ledger()
    first = ledger.ask("a", bulk=20)
    assert (first.granted, first.again_in) == (1, 800)
    assert ledger.ask("b", bulk=20).granted == 0
    ledger.now += 400
    assert ledger.ask("b", bulk=20).granted == 0
    ledger.now += 399
    assert ledger.ask("a", held=1, bulk=19).granted == 0
    ledger.now += 1
    assert ledger.ask("a", held=1, bulk=19).granted == 5  # half of 9: b waits, too


def test_what_is_held_and_what_cools_is_not_given_again() -> None:
    """10 less 3 in use by another process, less 4 that cool: 3 are left."""
    ledger = Ledger().settled(a=0, b=3)
    reply = ledger.ask("a", cooling=((500, 3), (700, 1)), interactive=20)
    assert (reply.granted, reply.used, reply.members) == (3, 10, 2)


def test_slots_are_free_again_when_they_have_cooled() -> None:
    """3 of them in 500 ms, and whoever waits is told to come then, or in a beat if that is sooner."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.ask("b", cooling=((500, 3), (700, 7))).used == 10
    assert ledger.ask("a", interactive=20).again_in == 200
    ledger.now += 400
    assert ledger.ask("a", interactive=20).again_in == 100
    ledger.now += 99
    assert ledger.ask("a", interactive=20).granted == 0
    ledger.now += 1
    assert ledger.ask("a", interactive=20).granted == 3


def test_a_report_replaces_what_was_known() -> None:
    """A grant whose answer was lost is taken back by the next report, which does not have it."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.ask("a", interactive=10).granted == 10
    assert ledger.ask("b", interactive=10).granted == 0
    ledger.ask("a")
    assert ledger.ask("b", interactive=10).granted == 10


def test_a_report_that_comes_late_changes_nothing() -> None:
    """It was given up, and a later one has told the truth meanwhile: its grant would go to nobody."""
    ledger = Ledger().settled(a=0, b=0)
    ledger.ask("a", held=2)
    before = copy.deepcopy(ledger.state)
    late = ledger.ask("a", n=ledger.sent["a"] - 1, held=9, bulk=5)
    assert (late.stale, late.granted, late.used) == (True, 0, 2)
    assert ledger.state == before


def test_a_dead_process_gives_its_slots_back_a_window_after_its_lease() -> None:
    """It may have used them up to the end of its lease, 1 s after its last report."""
    ledger = Ledger().settled(a=0, b=7)
    for _ in range(6):
        ledger.now += 200
        ledger.ask("a")
    assert ledger.ask("a", interactive=10).granted == 3
    ledger.now += 10_010 - 200 - 1
    assert ledger.ask("a", held=3, interactive=10).granted == 0
    ledger.now += 1
    reply = ledger.ask("a", held=3, interactive=10)
    assert (reply.granted, reply.members) == (7, 1)


def test_a_process_that_leaves_leaves_what_cools() -> None:
    """And what is still in flight counts as sent at that moment; with neither it is forgotten."""
    ledger = Ledger().settled(a=0, b=0, c=0)
    ledger.ask("b", held=1, cooling=((5000, 2),), bulk=9, leave=True)
    left = ledger.ask("c", leave=True, interactive=1)
    assert (left.granted, left.members) == (0, 1)
    assert ledger.state is not None
    assert sorted(ledger.state["owners"]) == ["a", "b"]
    assert ledger.ask("a", bulk=10).granted == 7
    ledger.now += 10_010
    ledger.state["last"] = ledger.now  # as if it had been asked all the time
    assert ledger.ask("a", held=7, bulk=10).granted == 3
    assert sorted(ledger.state["owners"]) == ["a"]


@each("event", ["emptied", "older", "stepped back", "stepped ahead", "frozen"])
def test_a_store_that_may_be_wrong_gives_nothing_until_all_have_reported(event: str) -> None:
    """Emptied, restored from an older copy, or with another clock: nothing for 0.8 s, then what the reports say."""
    ledger = Ledger().settled(a=2, b=2)
    older = copy.deepcopy(ledger.state)
    for _ in range(3):
        ledger.now += 200
        ledger.ask("a", held=4)
        ledger.ask("b", held=4)
    if event == "emptied":
        ledger.state = None
    elif event == "older":
        ledger.state = older
    else:
        ledger.now += {"stepped back": -30_000, "stepped ahead": 30_000, "frozen": 601}[event]
    reply = ledger.ask("a", held=4, interactive=10)
    assert (reply.granted, reply.again_in) == (0, 800)
    ledger.now += 400
    assert ledger.ask("b", held=4, interactive=10).granted == 0
    ledger.now += 400
    assert ledger.ask("a", held=4, interactive=10).granted == 2


def test_the_silence_of_a_process_that_was_alone_means_nothing() -> None:
    """Nobody else can have used a slot meanwhile: it goes on without a delay."""
    ledger = Ledger().settled(a=0)
    ledger.now += 30_000
    assert ledger.ask("a", interactive=10).granted == 10


def test_a_process_that_went_on_without_the_store_is_not_the_only_one() -> None:
    """Another may have begun while the store was away, which never heard of it: first that one reports."""
    assert Ledger().ask("a", interactive=10, alone=True).granted == 0
    ledger = Ledger().settled(a=0)
    ledger.now += 30_000
    assert ledger.ask("a", interactive=10, alone=True).granted == 0
    ledger.ask("b", held=1, alone=True)
    ledger.now += 400
    ledger.ask("a", interactive=10)
    ledger.now += 400
    assert ledger.ask("a", interactive=10).granted == 9


def test_a_clock_that_steps_back_leaves_nobody_waiting_for_that_long() -> None:
    """An hour back: slots of a dead process are free after a lease and a window at most, and a pause is told anew."""
    ledger = Ledger().settled(a=0, b=5)
    ledger.ask("b", held=5, cooling=((9000, 5),))
    ledger.ask("a", pause=3000)
    ledger.now -= 3_600_000
    assert ledger.ask("a", pause=2900).paused_for == 2900
    for _ in range(2 * 10_010 // 200):
        ledger.now += 200
        ledger.ask("a", answered=True)
    assert ledger.ask("a", interactive=10).granted == 10


def test_interactive_calls_go_first() -> None:
    """Those of one process before the bulk work of the same, whatever is left of the reserve."""
    ledger = Ledger().settled(a=0, b=4)
    assert ledger.ask("a", interactive=4, bulk=9, reserve_for=MINUTE).granted == 4


def test_bulk_work_leaves_the_reserve_that_interactive_calls_of_another_process_hold() -> None:
    """2 of 10, for as long as that process says; its own interactive calls take them."""
    ledger = Ledger().settled(a=0, b=0)
    ledger.ask("b", reserve_for=300)
    assert ledger.ask("a", bulk=20).granted == 8
    assert ledger.ask("a", held=8, bulk=12).granted == 0
    assert ledger.ask("b", interactive=1).granted == 1
    ledger.now += 300
    assert ledger.ask("a", held=8, bulk=12).granted == 1


def test_bulk_work_leaves_slots_to_interactive_calls_that_wait_elsewhere() -> None:
    """They were told when to come; whoever asks in the same moment must not be faster."""
    ledger = Ledger().settled(a=8, b=2)
    ledger.ask("b", held=2, interactive=1)
    assert ledger.ask("a", cooling=((500, 6),), bulk=20).granted == 1
    assert ledger.ask("b", held=2, interactive=1).granted == 1


def test_bulk_work_of_each_process_gets_its_share() -> None:
    """Of 10 slots 5, when two want them; the first may come back at once, if the other takes less."""
    ledger = Ledger().settled(a=10, b=0)
    assert ledger.ask("b", bulk=1).granted == 0
    first = ledger.ask("a", bulk=20)
    assert (first.granted, first.again_in) == (5, 0)
    assert ledger.ask("b", bulk=1).granted == 1
    assert ledger.ask("a", held=5, bulk=15).granted == 4


def test_of_twenty_slots_one_goes_to_bulk_work_of_another_process() -> None:
    """However many interactive calls there are, and whatever the reserve is."""
    ledger = Ledger().settled(a=10, b=0)
    ledger.ask("b", bulk=5)
    interactive = bulk = 0
    for _ in range(200):
        interactive += ledger.ask("a", held=9, interactive=9, reserve_for=MINUTE).granted
        bulk += ledger.ask("b", bulk=5, held=0).granted
    # One slot is free at a time: 19 rounds for a; one in which b has it, and one until it has given it back.
    assert (interactive, bulk) == (9 * 19 + 11, 9)


def test_bulk_work_that_waits_alone_has_no_claim_from_earlier() -> None:
    """Interactive slots that were given while no bulk work waited are not counted against those that follow."""
    ledger = Ledger().settled(a=0, b=0)
    for _ in range(50):
        assert ledger.ask("a", held=9, interactive=1).granted == 1
    ledger.ask("b", bulk=1)
    assert ledger.ask("a", held=9, interactive=1).granted == 1


def test_a_429_pauses_all_processes() -> None:
    """For as long as the one that met it says, and after that a single request tries."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.ask("a", pause=3000).paused_for == 3000
    reply = ledger.ask("b", interactive=5)
    assert (reply.granted, reply.paused_for, reply.again_in) == (0, 3000, 3000)
    for _ in range(14):
        ledger.now += 200
        assert ledger.ask("b", interactive=5, answered=True).granted == 0
    ledger.now += 200
    assert ledger.ask("b", interactive=5).granted == 1
    assert ledger.ask("a", interactive=5).granted == 0
    assert ledger.ask("b", held=1, interactive=5).granted == 0
    assert ledger.ask("b", cooling=((10_010, 1),), interactive=5, answered=True).granted == 5
    assert ledger.ask("a", interactive=5).granted == 4


@each("lost", ["not sent", "no answer"])
def test_a_probe_that_is_lost_hands_over(lost: str) -> None:
    """At once when its process says so, else after a lease."""
    ledger = Ledger().settled(a=0, b=0)
    ledger.ask("a", pause=200)
    ledger.now += 200
    assert ledger.ask("b", interactive=5).granted == 1
    if lost == "not sent":
        ledger.ask("b", held=0)
    else:
        for _ in range(5):
            assert ledger.ask("a", interactive=5).granted == 0
            ledger.now += 200
            ledger.ask("b", held=1)
    assert ledger.ask("a", interactive=5).granted == 1


def test_sends_that_one_process_has_to_space_are_spaced_for_all() -> None:
    """One in a second over all processes, until the last of them needs it no more."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.ask("a", interactive=9, spaced=5000).granted == 1
    granted = 0
    for _ in range(25):
        reply = ledger.ask("b", interactive=9)
        granted += reply.granted
        ledger.now += 200
    assert granted == 4
    assert ledger.ask("b", interactive=9).granted == 9


def test_whoever_waits_for_a_spaced_slot_is_told_when() -> None:
    """Not in a beat, which may be five sends later."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.ask("a", interactive=9, spaced=5000).again_in == 950  # what came due in the last 50 ms counts
    ledger.now += 300
    assert ledger.ask("b", interactive=9).again_in == 650


def test_members_that_disagree_keep_to_the_smaller_limit_and_the_longer_hold() -> None:
    """As long as both are there; each is told, so that it can say so."""
    ledger = Ledger().settled(a=0)
    ledger.ask("b", TERMS._replace(limit=4, hold=20_000))
    reply = ledger.ask("a", interactive=10)
    assert (reply.granted, reply.limit, reply.hold) == (4, 4, 20_000)
    ledger.ask("b", TERMS._replace(limit=4, hold=20_000), leave=True)
    assert ledger.ask("a", held=4, interactive=6).granted == 6


def test_an_empty_list_that_was_written_as_an_object_is_one() -> None:
    """Lua has only tables: an empty one becomes ``{}``."""
    ledger = Ledger().settled(a=0, b=0)
    assert ledger.state is not None
    for owner in ledger.state["owners"].values():
        owner["cooling"] = {}  # type: ignore[typeddict-item]
    assert ledger.ask("a", interactive=10).granted == 10


def test_the_state_stays_small_and_whole() -> None:
    """Whole numbers, which a store may write with 14 digits, and as many pairs as were reported."""
    ledger = Ledger().settled(a=1, b=2)
    ledger.now = 1_764_316_800_123
    ledger.ask("a", cooling=((500, 3), (700, 1)), reserve_for=4000)
    text = json.dumps(ledger.state)
    assert "." not in text
    assert len(text) < 700
