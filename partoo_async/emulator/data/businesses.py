"""Businesses that are generated for the ids in the groups, and what is sent of each business."""

# Fields: documentation, the examples on the pages "Search for businesses" and "Get business". Which of them may be
# null is an assumption, and so is a type that no example shows.

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from partoo_async.emulator.data.entities import CREATED, STATUSES, TEMPORARILY_CLOSED, EmulatedBusiness

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["UNUSED", "as_json", "fields_after_groups", "fields_before_groups", "generate_business"]

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


def generate_business(business_id: str, org_id: int, seed: int) -> EmulatedBusiness:
    """Return a business for an id; the same seed and id always give the same one."""
    random = Random(f"{seed}/{business_id}")
    country, language, city, zipcode, region, lat, long = random.choice(_PLACES)
    created = CREATED - _YEAR * random.uniform(1, 6)
    return EmulatedBusiness(
        business_id,
        f"Comptoir {city} {random.randint(1, 99)}",
        # The whole id: a code is unique in its organization, and a part of the id might not be.
        code=f"S-{business_id}",
        # One in ten is not open: a search that forgets those finds fewer businesses than the groups have.
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
        modified=round(random.uniform(created, CREATED), 3),
    )


def as_json(business: EmulatedBusiness, groups: Iterable[int] | None, spelling: str) -> dict[str, Any]:
    """Return what is sent of a business in these groups. ``spelling``: of a status that has two, or "both"."""
    return {
        **fields_before_groups(business, spelling),
        **({} if groups is None else {"groups": list(groups)}),
        **fields_after_groups(business),
        **UNUSED,
        **business.more,
    }


def fields_before_groups(business: EmulatedBusiness, spelling: str) -> dict[str, Any]:
    """Return the first fields of a business."""
    status: str = business.status
    if status in TEMPORARILY_CLOSED and spelling != "both":
        status = spelling
    return {
        "id": business.id,
        "created": business.created,
        "modified": business.modified,
        "code": business.code,
        "status": status,
        "org_id": business.org_id,
    }


def fields_after_groups(business: EmulatedBusiness) -> dict[str, Any]:
    """Return the fields between its groups and ``UNUSED``."""
    lines = [business.address, " ".join(filter(None, (business.zipcode, business.city))), business.country]
    return {
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
    }


# Other documented fields. Nothing here depends on them, so they are sent empty.
UNUSED: dict[str, Any] = {
    **dict.fromkeys(("opening_date", "description_short", "description_long", "time_slot_reference", "logo_url")),
    **dict.fromkeys(("website_url", "facebook_url", "twitter_url", "google_location_id", "facebook_page_id")),
    **dict.fromkeys(("national_identification_number", "siret", "completion_rate")),
    "open_hours": {},
    "specific_hours": {},
    **{name: [] for name in ("categories", "contacts", "photos", "videos", "subscriptions", "features")},
    "custom_fields": [],
}
