"""Infers groups from the list of businesses, and reads some of them to verify that."""

# A business names the groups that it is in (documented: ``groups``). So the list of all businesses has all memberships,
# and a page of it has a hundred businesses. It is not documented that this is what "Get group" says, and a key may not
# see every business. Therefore nothing is handed out before
#
#   1. the list was read, and did not change meanwhile; if businesses were known before, those it lacks were looked up,
#   2. a sample of the groups was read by itself, and is the same.
#
# If anything else happens, each group is read by itself: ``fallback`` says why.

from __future__ import annotations

import asyncio
import logging
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, frozen

from partoo_async._internal.checks import check_choice, check_count
from partoo_async._internal.text import cut
from partoo_async._protocol.business_query import url_parts
from partoo_async._protocol.memberships import with_memberships
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.models import Group
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.scan.business_list import BusinessList
from partoo_async.scan.confidence import how_sure
from partoo_async.scan.items import ScanSuccess
from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.lookups import look_up
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

__all__ = ["Inference", "ListUse", "Strategy", "Verify", "check_strategy"]

Strategy: TypeAlias = Literal["groups", "businesses", "auto"]
"""How ``scan_all`` reads: each group, the list of businesses, or whichever takes fewer requests."""

Verify: TypeAlias = int | Literal["all"]
"""How many inferred groups are read by themselves."""

_logger = logging.getLogger("partoo_async.scan")
_LONGEST_REASON = 300  # characters


@frozen
class ListUse:
    """The businesses of the list are recorded in the journal.

    ``wanted``: the list is read in any case, later if not now. ``sections`` and ``businesses``: ids that are looked up
    if the list of all lacks them.
    """

    wanted: bool
    sections: tuple[int, ...]
    businesses: tuple[str, ...]


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
        list_use: ListUse | None = None,
    ) -> None:
        self.strategy: Strategy = strategy  # after ``choose`` never "auto"
        self.verified: int = 0
        self.fallback: str = ""
        self._fetcher = fetcher
        self._work = work
        work.keeps_summaries = True  # names and pullers of groups are not in the list
        self._names = names
        self._verify = verify
        self._list_use = list_use
        self._seed = SystemRandom().randrange(2**32)
        self._search = BusinessSearch(fetcher.session, per_page=100, org_id=work.scope.org_id)
        self._stage = Stage(fetcher.stop)
        self._list = BusinessList()  # of no groups, until they are known
        self._sample = 0  # how many groups are to be verified
        self._last_resort: ScanPlan | None = None  # the plan if it falls back
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
        """How many requests are to come, as far as is known, and are in flight."""
        if self._last_resort is None:
            return self._work.stage.ahead  # the sections are read, then the first page
        left, begun = self._stage.ahead
        if not self._begun:
            left = self._list.pages - 1
        return left + self._sample, begun

    async def choose(self, plan: ScanPlan, journal: Journal | NoJournal) -> ScanPlan:
        """Read the first page of the list if it may save requests, and return the cheaper plan."""
        self._journal = journal
        groups = self._work.left
        self._sample = sample_size(self._verify, groups, len(self._work.sections))
        chooses = self.strategy == "auto"
        wanted = self._list_use is not None and self._list_use.wanted
        if not groups or (chooses and (not wanted) + self._sample >= groups):
            self.strategy = "groups"
            return plan
        self._list = BusinessList(group_id for _, group_id in self._work.summaries)
        before = self._fetcher.calls
        await self._work.stage.run([1], self._read_page, 1)
        asked = self._fetcher.calls - before  # more than one, if spellings of a status were refused
        ahead = self._list.pages - 1 + self._sample
        lookups = self._list.pages if wanted else 0 if self._names is None else self._list.pages_of_members
        self.strategy = "businesses" if ahead < groups + lookups or not chooses else "groups"
        if not self.infers:
            return evolve(plan, requests=plan.requests + asked)
        self._last_resort = evolve(plan, requests=plan.requests + asked + self._list.pages - 1)
        requests, seconds = plan.requests - groups + asked + ahead, self._fetcher.seconds_for(ahead)
        return evolve(plan, strategy="businesses", requests=requests, seconds=seconds)

    def revised(self, plan: ScanPlan) -> ScanPlan:
        """Return the plan of what is really done."""
        return plan if self._last_resort is None or not self.fallback else self._last_resort

    def use(self, read: Callable[[Key], Awaitable[ScanItem]]) -> None:
        """Read groups by ``read``."""
        self._read_group = read

    async def outcome(self, key: Key) -> ScanItem:
        """Return the outcome of a group, once it is known whether it is inferred."""
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
        self._list.forget(key[1])
        await self._journal.record(item)
        return item

    def _inferred(self, key: Key) -> Group:
        summary = self._work.summaries[key]
        return Group(summary.id, summary.name, summary.has_puller, self._list.members(key[1]))

    async def _settle(self) -> None:
        """Read the rest of the list, and verify it."""
        self._begun = True
        keys = [*self._work.keys()]
        await self._read_list(keys)
        sample, self._sample = self._sample, 0  # from now on the stage counts them
        if not self.fallback:
            sizes = {key: self._list.size(key[1]) for key in keys}
            chosen = choose_sample(sizes, sample, Random(self._seed))
            await self._stage.run(chosen, self._verify_group, self._fetcher.workers)
        if self._stage.closed:
            raise asyncio.CancelledError
        if self.fallback:
            self._list.clear()
            self.verified = 0
            if self._last_resort is not None:
                seconds = self._fetcher.seconds_for(len(keys) - len(self._read))
                self._last_resort = evolve(self._last_resort, seconds=seconds)
            return
        inferred = len(keys) - self.verified
        if inferred:
            await self._journal.note_verified(self.verified)
        _logger.info("scan: %s; seed %d", how_sure(self.verified, len(keys), inferred), self._seed)

    async def _read_list(self, keys: list[Key]) -> None:
        """Read the list from its second page on."""
        if len({group_id for _, group_id in keys}) < len(keys):
            # Businesses name a group without its section.
            self._fall_back("several sections have a group of the same id")
            return
        await self._stage.run(range(2, self._list.pages + 1), self._read_page, self._fetcher.workers)
        if not self.fallback and not self._stage.closed:
            self._fall_back(self._list.end())
        if self._list_use is not None and not self.fallback and not self._stage.closed:
            doubtful = await self._journal.note_all_businesses(self._list.found, self._list_use.businesses)
            await self._stage.run([*url_parts(doubtful)], self._look_up, self._fetcher.workers)
        self._list.found.clear()

    async def _look_up(self, ids: tuple[str, ...]) -> None:
        found = await look_up(self._fetcher, ids, self._work.scope.org_id)
        for error in [found] if isinstance(found, PartooError) else found.refused.values():
            self._fall_back(f"businesses that the list may lack could not be looked up: {error}")
        if not isinstance(found, PartooError):
            self._fall_back(self._list.add_missing(found.page))
            await self._journal.record_businesses(found.page.businesses, {*ids} - found.refused.keys())

    async def _read_page(self, number: int) -> None:
        page = await self._fetcher.page(self._search, number, with_memberships)
        if isinstance(page, PartooError):
            self._fall_back(f"the list of businesses could not be read: {page}")
            return
        if self._names is not None:
            await self._names.add(page.businesses)
        elif self._list_use is not None:
            await self._journal.record_businesses(page.businesses)
        self._fall_back(self._list.add(page, number))
        if not page.businesses:
            self._stage.cut_short()  # the pages before it were begun, and those after it have nothing either

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
        """Infer nothing, unless the reason is "". The first one counts."""
        if reason and not self.fallback:
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
