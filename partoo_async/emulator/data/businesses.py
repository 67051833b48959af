"""Businesses: what the ids in the groups stand for. Those not given are made up, each from the seed and its id alone.

Fields: the answer examples of "Search for businesses" and "Get business". Their types, where an example did not show
them, and which of them may be null, are an assumption.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STATUSES", "BusinessStatus", "EmulatedBusiness", "as_json", "made_up"]

BusinessStatus: TypeAlias = Literal["open", "closed", "opening_soon", "temporarily_closed"]

STATUSES = ("open", "closed", "opening_soon", "temporarily_closed")
"""The documented states of a business."""

# A moment, in seconds since 1970, that does not move: the same seed gives the same data on every day.
_THEN = 1_760_000_000.0
_YEAR = 365 * 86_400.0

# country, language, city, postal code, region, latitude, longitude
_PLACES = (
    ("FR", "fr", "Paris", "75004", "Île-de-France", 48.8559, 2.3601),
    ("FR", "fr", "Lyon", "69002", "Auvergne-Rhône-Alpes", 45.7578, 4.8320),
    ("FR", "fr", "Saint-Étienne", "42000", "Auvergne-Rhône-Alpes", 45.4397, 4.3872),
    ("FR", "fr", "Lille", "59000", "Hauts-de-France", 50.6366, 3.0635),
    ("BE", "fr", "Liège", "4000", "Wallonie", 50.6451, 5.5736),
    ("ES", "es", "Cádiz", "11001", "Andalucía", 36.5297, -6.2926),
    ("PT", "pt", "Évora", "7000-503", "Alentejo", 38.5714, -7.9135),
    ("IT", "it", "Forlì", "47121", "Emilia-Romagna", 44.2227, 12.0407),
    ("DE", "de", "Köln", "50667", "Nordrhein-Westfalen", 50.9384, 6.9600),
    ("CH", "de", "Zürich", "8001", "Zürich", 47.3717, 8.5422),
)
_STREETS = ("de la Gare", "du Marché", "de la Paix", "Nationale", "des Halles", "du Port")


@define
class EmulatedBusiness:
    """A business in the emulator; change its fields at any time. Its groups are those that list its id.

    ``created`` and ``modified`` are seconds since 1970. ``code`` is the store code, unique in the organization.
    ``more`` is added to what is sent, and goes before the fields here: for those that the emulator only passes on,
    such as ``{"open_hours": {...}}``.
    """

    id: str
    name: str = ""
    code: str | None = None
    status: BusinessStatus = "open"
    org_id: int = 1
    address: str | None = None
    city: str | None = None
    zipcode: str | None = None
    region: str | None = None
    country: str | None = None
    default_lang: str | None = None
    lat: float | None = None
    long: float | None = None
    created: float = _THEN
    modified: float = _THEN
    more: dict[str, Any] = field(factory=dict)


def made_up(business_id: str, org_id: int, seed: int) -> EmulatedBusiness:
    """Return a business for an id of which nothing else is known; the same seed and id always give the same one."""
    random = Random(f"{seed}/{business_id}")
    country, language, city, zipcode, region, lat, long = random.choice(_PLACES)
    created = _THEN - _YEAR * random.uniform(1, 6)
    return EmulatedBusiness(
        business_id,
        f"Comptoir {city} {random.randint(1, 99)}",
        # The whole id, since a code is unique in its organization and a shorter one might not be.
        code=f"S-{business_id}",
        # One in ten is not open: a search that forgets about those finds fewer businesses than the groups have.
        status=random.choices(STATUSES, (90, 4, 2, 4))[0],  # type: ignore[arg-type]  # a tuple of these very texts
        org_id=org_id,
        address=f"{random.randint(1, 120)} rue {random.choice(_STREETS)}",
        city=city,
        zipcode=zipcode,
        region=region,
        country=country,
        default_lang=language,
        lat=round(lat + random.uniform(-0.03, 0.03), 6),
        long=round(long + random.uniform(-0.03, 0.03), 6),
        created=round(created, 3),
        modified=round(random.uniform(created, _THEN), 3),
    )


def as_json(business: EmulatedBusiness, groups: Iterable[int]) -> dict[str, Any]:
    """Return what is sent for a business that is in these groups."""
    lines = [business.address, " ".join(filter(None, (business.zipcode, business.city))), business.country]
    return {
        "id": business.id,
        "created": business.created,
        "modified": business.modified,
        "code": business.code,
        "status": business.status,
        "org_id": business.org_id,
        "groups": list(groups),
        "name": business.name,
        "address": business.address,
        "address2": None,
        "address_full": ", ".join(filter(None, lines)) or None,
        "city": business.city,
        "zipcode": business.zipcode,
        "region": business.region,
        "country": business.country,
        "default_lang": business.default_lang,
        "lat": business.lat,
        "long": business.long,
        **_UNUSED,
        **business.more,
    }


# What else a business is documented to have. Nothing here depends on it, so it is sent empty.
_UNUSED: dict[str, Any] = {
    **dict.fromkeys(("opening_date", "description_short", "description_long", "time_slot_reference", "logo_url")),
    **dict.fromkeys(("website_url", "facebook_url", "twitter_url", "google_location_id", "facebook_page_id")),
    **dict.fromkeys(("national_identification_number", "siret", "completion_rate")),
    "open_hours": {},
    "specific_hours": {},
    **{name: [] for name in ("categories", "contacts", "photos", "videos", "subscriptions", "features")},
    "custom_fields": [],
}
