"""Infers groups from the list of businesses, which takes fewer requests, and proves it by reading some of them."""

# A business names the groups that it is in (documented: ``groups``). So the list of all businesses has all memberships,
# and a page of it has a hundred businesses. It is not documented that this is what "Get group" says, and a key may not
# see every business. Therefore nothing is handed out before
#
#   1. the list was read, and did not change meanwhile,
#   2. a sample of the groups was read by itself, and is the same.
#
# If anything else happens, each group is read by itself: ``fallback`` says why.

from __future__ import annotations

import asyncio
import logging
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve

from partoo_async._internal.checks import check_choice, check_count
from partoo_async._internal.text import amount, cut
from partoo_async._protocol.memberships import MembershipPage, with_memberships
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.models import Group
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.scan.items import ScanSuccess
from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.sample import choose_sample, sample_size
from partoo_async.scan.worker_pool import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.names import BusinessNames
    from partoo_async.scan.outcomes import ScanPlan
    from partoo_async.scan.worklist import Key, WorkList

__all__ = ["Inference", "Strategy", "Verify", "check_strategy"]

Strategy: TypeAlias = Literal["groups", "businesses", "auto"]
Verify: TypeAlias = int | Literal["all"]

_logger = logging.getLogger("partoo_async.scan")
_LONGEST_REASON = 300  # characters


def check_strategy(strategy: object, verify: object) -> None:
    """Raise ``ConfigurationError`` if these cannot be used."""
    check_choice("strategy", strategy, ("groups", "businesses", "auto"))
    if isinstance(verify, str):
        if verify != "all":
            raise ConfigurationError(f"verify: expected a count of groups, or 'all', not {verify!r}")
    else:
        check_count("verify", verify, least=1)


class Inference:
    """Outcomes of groups, inferred from the list of businesses. Begins with ``choose``."""

    def __init__(
        self,
        fetcher: GroupFetcher,
        work: WorkList,
        names: BusinessNames | None,
        strategy: Strategy,
        verify: Verify,
        seed: int | None = None,
    ) -> None:
        self.strategy: Strategy = strategy  # after ``choose`` never "auto"
        self.verified: int = 0
        self.fallback: str = ""
        self._fetcher = fetcher
        self._work = work
        work.summaries = {}
        self._names = names
        self._verify = verify
        self._seed = SystemRandom().randrange(2**32) if seed is None else seed
        self._search = BusinessSearch(fetcher.session, per_page=100, org_id=work.scope.org_id)
        self._stage = Stage(fetcher.stop)
        self._pages = 1
        self._sample = 0  # how many groups are verified
        self._saved = 0  # requests that the plan does not have
        self._seconds = 0.0  # that the groups take after a fallback
        self._lookups = 0  # requests for names, if each group is read by itself
        self._count: int | None = None  # of businesses, by the first page
        self._found: set[str] = set()  # their ids
        self._wanted: set[int] = set()  # ids of the groups to be read
        self._members: dict[int, list[str]] = {}  # by group id
        self._read: dict[Key, ScanItem] = {}  # outcomes of groups that were read by themselves
        self._settling: asyncio.Task[None] | None = None
        self._begun = False
        self._read_group: Callable[[Key], Awaitable[ScanItem]] = fetcher.group
        self._journal: Journal | NoJournal = NoJournal()

    @property
    def infers(self) -> bool:
        """Whether outcomes are inferred, as far as is known."""
        return self.strategy == "businesses" and not self.fallback

    @property
    def ahead(self) -> tuple[int, int]:
        """How many requests are to come, as far as is known, and how many are in flight."""
        left, begun = self._stage.ahead
        if not self._begun:
            left = self._pages - 1
        return left + (self._sample if self._count is not None else 0), begun

    async def choose(self, plan: ScanPlan) -> ScanPlan:
        """Read the first page of the list if it may save requests, and return the plan of what takes fewer."""
        groups = self._work.left
        self._sample = sample_size(self._verify, groups, len(self._work.sections))
        chooses = self.strategy == "auto"
        if not groups or (chooses and 1 + self._sample >= groups):
            self.strategy = "groups"
            return plan
        before = self._fetcher.calls
        await self._work.stage.run([1], self._read_page, 1)
        asked = self._fetcher.calls - before  # more than one, if spellings of a status were refused
        ahead = self._pages - 1 + self._sample
        fewer = ahead < groups + self._lookups
        self.strategy = "businesses" if fewer or not chooses else "groups"
        if not self.infers:
            return evolve(plan, requests=plan.requests + asked)
        self._saved = groups - self._sample
        return evolve(
            plan,
            strategy="businesses",
            requests=plan.requests - groups + asked + ahead,
            seconds=self._fetcher.seconds_for(ahead),
        )

    def revised(self, plan: ScanPlan) -> ScanPlan:
        """Return the plan of what is really done."""
        if self.strategy == "groups" or not self.fallback:
            return plan
        return evolve(plan, strategy="groups", requests=plan.requests + self._saved, seconds=self._seconds)

    def use(self, read: Callable[[Key], Awaitable[ScanItem]], journal: Journal | NoJournal) -> None:
        """Read groups by ``read``, and record those that are inferred in the journal."""
        self._read_group, self._journal = read, journal

    async def outcome(self, key: Key) -> ScanItem:
        """Return the outcome of a group, once it is known whether outcomes can be inferred."""
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle())
        if not self._settling.done():
            # Each worker waits for it, and the cancellation of one is not that of all.
            await asyncio.shield(self._settling)
        self._settling.result()
        item = self._read.pop(key, None)
        if item is not None:
            return item
        if self.fallback:
            return await self._read_group(key)
        item = ScanSuccess(*key, self._inferred(key), attempts=0, inferred=True)
        self._members.pop(key[1], None)
        await self._journal.record(item)
        return item

    def _inferred(self, key: Key) -> Group:
        summary = (self._work.summaries or {})[key]
        return Group(summary.id, summary.name, summary.has_puller, tuple(self._members.get(key[1], ())))

    async def _settle(self) -> None:
        """Read the rest of the list, and verify it."""
        self._begun = True
        keys = [*self._work.keys()]
        if len({group_id for _, group_id in keys}) < len(keys):
            self._fall_back("several sections have a group of the same id")
        else:
            await self._stage.run(range(2, self._pages + 1), self._read_page, self._fetcher.workers)
        if not self.fallback and not self._stage.closed:
            if self._count != len(self._found):
                self._fall_back("the list of businesses changed while it was read")
            self._found.clear()
        sample, self._sample = self._sample, 0
        if not self.fallback:
            sizes = {key: len(self._members.get(key[1], ())) for key in keys}
            chosen = choose_sample(sizes, sample, Random(self._seed))
            await self._stage.run(chosen, self._verify_group, self._fetcher.workers)
        if self._stage.closed:
            raise asyncio.CancelledError
        if self.fallback:
            self._members.clear()
            self._found.clear()
            self.verified = 0
            self._seconds = self._fetcher.seconds_for(len(keys) - len(self._read))
            return
        if self.verified < len(keys):  # else nothing is inferred
            await self._journal.note_verified(self.verified)
        text = "scan: %d of %s verified without a difference (seed %d): at most %.2g %% can differ (95 %% confidence)"
        bound = 0.0 if self.verified == len(keys) else min(1.0, 3 / self.verified)
        _logger.info(text, self.verified, amount(len(keys), "group"), self._seed, 100 * bound)

    async def _read_page(self, number: int) -> None:
        page = await self._fetcher.page(self._search, number, with_memberships)
        if isinstance(page, PartooError):
            self._fall_back(f"the list of businesses could not be read: {page}")
            return
        if self._names is not None:
            await self._names.add(page.businesses)
        self._add(page, number)

    def _add(self, page: MembershipPage, number: int) -> None:
        if number == 1:
            self._count = page.count
            # None is empty but the last: whatever it says, there are no more of them than businesses.
            count, size = page.count or 0, len(page.businesses)
            self._pages = max(1, min(page.max_page or -(-count // size), count)) if size else 1
            self._wanted = {group_id for _, group_id in (self._work.summaries or ())}
            self._lookups = self._estimate(page)
            if page.count is None:
                self._fall_back("the list of businesses does not say how many there are")
        elif page.count != self._count:
            self._fall_back("the list of businesses changed while it was read")
        if not page.groups_sent:
            self._fall_back("the list of businesses does not say which groups each is in")
        if not page.businesses:
            self._stage.cut_short()  # the pages before it were begun, and those after it have nothing either
        for business in page.businesses:
            if business.id in self._found:
                self._fall_back("the list of businesses changed while it was read")
                return
            self._found.add(business.id)
            # Of what else it may name nothing is kept.
            for group_id in self._wanted.intersection(business.groups):
                self._members.setdefault(group_id, []).append(business.id)
        if len(self._found) > (self._count or 0):
            self._fall_back("the list of businesses changed while it was read")

    def _estimate(self, page: MembershipPage) -> int:
        """Return how many requests the names of businesses would take otherwise."""
        if self._names is None or not page.businesses:
            return 0
        members = sum(not self._wanted.isdisjoint(business.groups) for business in page.businesses)
        return round(self._pages * members / len(page.businesses))

    async def _verify_group(self, key: Key) -> None:
        item = self._read[key] = await self._read_group(key)
        place = "section {}, group {}".format(*key)
        if item.error is not None:
            self._fall_back(f"{place} could not be read by itself: {item.error}")
        elif _content(item.group) != _content(self._inferred(key)):
            self._fall_back(f"{place} is not what the list of businesses says")
        else:
            self.verified += 1

    def _fall_back(self, reason: str) -> None:
        if not self.fallback:
            self.fallback = cut(reason, _LONGEST_REASON)
            self._stage.cut_short()
            _logger.warning("scan: each group is read by itself, because %s", self.fallback)

    def stop(self) -> None:
        """Begin no further request."""
        self._stage.stop()

    async def aclose(self) -> None:
        """Cancel what is begun."""
        await self._stage.aclose()
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)


def _content(group: Group) -> tuple[Any, ...]:
    # Neither the order of the ids nor whether one may be there twice is documented.
    return group.id, group.name, group.has_puller, {*group.business_ids}
