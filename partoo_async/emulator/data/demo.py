"""The demo data: a retail chain in Europe."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from partoo_async.emulator.data.entities import EmulatedGroup, EmulatedSection

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["demo_sections"]

# As printed in the OpenAPI document, with two ids that are not 24 characters long.
_OFFICIAL_EXAMPLE = ("a1f0e2d3b4c5e6f7a8b9c0d1", "3f2e1d4c5b6a7f8e9d0c1a2", "0e1d2c3b4a5f6e7d8c9a0b1")

_COUNTRIES = (
    *("Belgique", "Luxembourg", "France", "España", "Portugal", "Italia", "Deutschland", "Österreich", "Schweiz"),
    *("Nederland", "Danmark", "Sverige", "Norge", "Suomi", "Polska", "Česko", "Slovensko", "Magyarország"),
    *("România", "Ελλάδα", "Ireland", "United Kingdom", "Hrvatska", "Slovenija"),
)
_REGIONS = (
    *("Auvergne-Rhône-Alpes", "Bourgogne-Franche-Comté", "Bretagne", "Centre-Val de Loire", "Corse", "Grand Est"),
    *("Hauts-de-France", "Île-de-France", "Normandie", "Nouvelle-Aquitaine", "Occitanie", "Pays de la Loire"),
    "Provence-Alpes-Côte d'Azur",
)
_FRANCHISES = (
    *("Lyon Part-Dieu", "Lyon Confluence", "Paris Rivoli", "Paris Batignolles", "Paris La Défense", "Lille Centre"),
    *("Roubaix", "Nantes Atlantis", "Rennes Alma", "Brest Iroise", "Bordeaux Lac", "Bayonne", "Toulouse Capitole"),
    *("Montpellier Odysseum", "Nîmes", "Marseille Terrasses du Port", "Aix-en-Provence", "Nice Étoile", "Ajaccio"),
    *("Grenoble", "Annecy", "Dijon", "Strasbourg Kléber", "Metz Muse", "Nancy", "Reims", "Rouen", "Caen", "Tours"),
)
_CONCEPTS = ("Flagship", "Centre-ville", "Retail park", "Outlet", "Shop-in-shop")
_FEEDS = ("Open all year", "Seasonal", "Click & collect", "Drive")


def _share_out(random: Random, businesses: Sequence[str], weights: Sequence[float]) -> list[list[str]]:
    """Put each business into one list for each weight; none stays empty."""
    # First one for each list: exactly one demo group is empty, and that one on purpose.
    shared = [[business] for business in businesses[: len(weights)]]
    rest = businesses[len(weights) :]
    for business, members in zip(rest, random.choices(shared, weights, k=len(rest)), strict=True):
        members.append(business)
    return shared


def _section(
    section_id: int, name: str, first_group: int, names: Sequence[str], businesses: Sequence[Sequence[str]]
) -> EmulatedSection:
    pairs = enumerate(zip(names, businesses, strict=True), start=first_group)
    groups = {number: EmulatedGroup(number, title, business_ids=list(ids)) for number, (title, ids) in pairs}
    return EmulatedSection(section_id, name, groups)


def demo_sections(seed: int = 0) -> list[EmulatedSection]:
    """Return the demo sections: a chain of 480 shops in 77 groups.

    - 1 "Example": group 1 is the example of the OpenAPI document.
    - 3 "Region": read-only, ``can_edit`` is False.
    - 5 "Concept": editable, to try writes on.
    - 7 "Country": groups 40 to 63. 42 is France, the largest; 41, Luxembourg, has a puller.
    - 9 "Franchise": groups 100 to 129. 129 is empty.
    - 12 "Feed": has a puller, and so have its groups.

    Args:
        seed: The same seed gives the same business ids.

    Returns:
        New sections, for ``Emulator(sections=...)``.
    """
    random = Random(seed)
    shops = [f"{random.getrandbits(96):024x}" for _ in range(480)]
    # The same shops in several sections: a business may be in many groups, as documented.
    countries = _share_out(random, shops, [12 if name == "France" else 1 for name in _COUNTRIES])
    french = countries[_COUNTRIES.index("France")]
    franchises = [*_share_out(random, french, [1] * len(_FRANCHISES)), []]
    names = [*(f"Franchise {town}" for town in _FRANCHISES), "Franchise Saint-Denis de La Réunion"]
    country = _section(7, "Country", 40, _COUNTRIES, countries)
    country.groups[41].has_puller = True
    region = _section(3, "Region", 3, _REGIONS, _share_out(random, french, [1] * len(_REGIONS)))
    region.can_edit = False
    feed = _section(12, "Feed", 140, _FEEDS, _share_out(random, shops, [1] * len(_FEEDS)))
    feed.has_puller = True
    for group in feed.groups.values():
        group.has_puller = True
    return [
        _section(1, "Example", 1, ["France"], [_OFFICIAL_EXAMPLE]),
        region,
        _section(5, "Concept", 20, _CONCEPTS, _share_out(random, shops, [1] * len(_CONCEPTS))),
        country,
        _section(9, "Franchise", 100, names, franchises),
        feed,
    ]
