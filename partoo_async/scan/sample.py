"""Which groups are read by themselves, to verify what was inferred of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from partoo_async.scan.worklist import Key

__all__ = ["choose_sample", "sample_size"]


def sample_size(wanted: int | str, groups: int, sections: int) -> int:
    """Return how many of so many groups ``choose_sample`` returns. ``wanted``: at least so many, or "all"."""
    return groups if isinstance(wanted, str) else min(groups, max(wanted, sections + 3))


def choose_sample(sizes: Mapping[Key, int], count: int, chance: Random) -> list[Key]:
    """Return keys of groups, drawn at random but for a few that go wrong most likely.

    Args:
        sizes: How many businesses each group has.
        count: How many keys, by ``sample_size``.
        chance: The source of what is random.
    """
    keys = [*sizes]
    if count >= len(keys):
        return keys
    sections: dict[int, list[Key]] = {}
    for key in keys:
        sections.setdefault(key[0], []).append(key)
    filled = [key for key in keys if sizes[key]] or keys
    empty = [key for key in keys if not sizes[key]]
    always = [max(filled, key=sizes.__getitem__), min(filled, key=sizes.__getitem__)]
    always += [chance.choice(some) for some in (empty, *sections.values()) if some]
    chosen = dict.fromkeys(always)
    rest = [key for key in keys if key not in chosen]
    return [*chosen, *chance.sample(rest, count - len(chosen))]
