"""Generated organizations of four sizes, from a small chain of shops to a very large one."""

# Partoo publishes no sizes. These are an assumption, made from the documentation's examples and from studies of retail
# networks: a small customer has up to 15 locations, and the largest chains have more than 10,000.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from random import Random
from threading import Lock
from typing import Literal

from attrs import define, field, frozen

from partoo_async._internal.checks import check_choice, check_count
from partoo_async.emulator.data.entities import EmulatedGroup, EmulatedSection
from partoo_async.emulator.data.lazy import LazyGroups, Summary
from partoo_async.emulator.data.slices import Slices

__all__ = ["Profile", "ProfileName", "generated_sections"]

ProfileName = Literal["small", "typical", "large", "extreme"]


@frozen
class Profile:
    """The size of an organization; pairs are lowest and highest."""

    businesses: int
    sections: tuple[int, int]
    groups_per_section: tuple[int, int]
    businesses_per_group: tuple[int, int]


# By the names that Emulator.with_profile takes.
PROFILES: dict[str, Profile] = {
    "small": Profile(30, (2, 2), (3, 5), (5, 15)),
    "typical": Profile(300, (3, 4), (5, 20), (15, 100)),
    "large": Profile(3_000, (5, 8), (10, 100), (30, 3_000)),
    "extreme": Profile(10_000, (10, 10), (100, 1_000), (1, 10_000)),
}

_SECTIONS = ("Country", "Region", "Franchise", "Concept", "Brand", "Département", "Area", "Format", "Feed", "Season")
_TOWNS = ("Lyon", "Liège", "Cádiz", "Köln", "Århus", "Łódź", "Zürich", "Pátra", "Évora", "Győr", "Brașov", "Ghent")
_PULLER_EVERY = 25
# Some milliseconds' worth.
_GROUPS_AT_ONCE = 500


@frozen(eq=False)
class _Pool:
    """The businesses that groups are made of: each has a slice of them."""

    ids: Sequence[str]

    @cached_property
    def places(self) -> dict[str, int]:
        return {business: place for place, business in enumerate(self.ids)}


@frozen(eq=False)
class _Generator:
    """One section's groups, each generated from the seed and its id alone."""

    kind: str
    ids: range
    seed: int
    pool: _Pool
    sizes: tuple[int, int]

    def summary(self, group_id: int) -> Summary:
        return Summary(
            group_id,
            f"{self.kind} {_TOWNS[group_id % len(_TOWNS)]} {group_id}",  # the id keeps names unique
            group_id % _PULLER_EVERY == 0,
        )

    def group(self, group_id: int) -> EmulatedGroup:
        start, size = self.slice_of(Random(self.seed_of(group_id)))
        pool = self.pool.ids
        members = [*pool[start : start + size], *pool[: max(start + size - len(pool), 0)]]
        return EmulatedGroup(*self.summary(group_id), business_ids=members)

    def seed_of(self, group_id: int) -> int:
        return self.seed << 64 | group_id

    def slice_of(self, random: Random) -> tuple[int, int]:
        """Return where a group's businesses begin in the pool, and how many they are; ``random`` is seeded for it."""
        low, high = self.sizes
        # Most sizes are near the lowest, a few near the highest: many small franchisees, a few large ones.
        size = round(low * (high / low) ** random.random() ** 4)
        # A slice of the pool from a random place, around its end: to draw 10,000 one by one would take too long.
        return random.randrange(len(self.pool.ids)), size

    @cached_property
    def _holders(self) -> _Holders:
        return _Holders(self.ids, Slices(len(self.pool.ids)))

    def preparing(self) -> Iterator[None]:
        while self._holders.left:
            self._holders.list_some(self)
            yield

    def holders(self, wanted: Iterable[str]) -> dict[str, list[int]]:
        for _ in self.preparing():
            pass
        places, holding = self.pool.places, self._holders.slices.holding
        return {business: holding(places[business]) if business in places else [] for business in wanted}

    def businesses(self) -> Sequence[str]:
        return self.pool.ids


@define(eq=False)
class _Holders:
    """The slices of a section's groups, listed some at a time: those of a million groups take seconds."""

    left: range  # the groups that are not listed yet
    slices: Slices
    _random: Random = field(init=False, factory=Random)  # one for all: to make one takes longer than to seed it
    _lock: Lock = field(init=False, factory=Lock)  # two emulators, each in a thread of its own, may share sections

    def list_some(self, generator: _Generator) -> None:
        """List some of those that are left."""
        with self._lock:
            for group_id in self.left[:_GROUPS_AT_ONCE]:
                self._random.seed(generator.seed_of(group_id))
                self.slices.add(group_id, *generator.slice_of(self._random))
                self.left = self.left[1:]


def generated_sections(
    profile: ProfileName = "typical", *, seed: int = 0, groups: int | None = None
) -> list[EmulatedSection]:
    """Generate an organization. Section ids and group ids count from 1; every 25th group has a puller.

    Args:
        profile: "small" (30 businesses), "typical" (300), "large" (3,000) or "extreme" (10,000).
        seed: The same seed gives the same data.
        groups: How many groups in all, spread evenly over the sections. None: the profile decides. Groups are
            generated on access, so 100,000 cost little.

    Returns:
        The sections, for ``Emulator(sections=...)``.

    Raises:
        ConfigurationError: For a bad argument.
    """
    check_choice("profile", profile, PROFILES)
    check_count("seed", seed, least=0)
    size = PROFILES[profile]
    random = Random(seed)
    pool = _Pool([f"{random.getrandbits(96):024x}" for _ in range(size.businesses)])
    counts = [random.randint(*size.groups_per_section) for _ in range(random.randint(*size.sections))]
    if groups is not None:
        share, rest = divmod(check_count("groups", groups, least=1), len(counts))
        counts = [share + (number < rest) for number in range(len(counts))]
    sections, first = [], 1
    for number, (kind, count) in enumerate(zip(_SECTIONS, counts, strict=False), start=1):
        generator = _Generator(kind, range(first, first + count), seed, pool, size.businesses_per_group)
        sections.append(EmulatedSection(number, kind, LazyGroups(generator)))
        first += count
    return sections
