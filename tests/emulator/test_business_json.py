"""The JSON of businesses is written piece by piece, and is what the standard library writes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from partoo_async.emulator import EmulatedBusiness, Emulator
from partoo_async.emulator.data.businesses import as_json
from partoo_async.emulator.data.entities import STATUSES
from partoo_async.emulator.http.group_json import business_json
from tests.emulator.wire import ask

TEXTS = st.none() | st.text(st.characters(codec=None), max_size=3) | st.sampled_from(['"', "\\", "\x7f", '"groups":[]'])
NUMBERS = st.none() | st.floats() | st.sampled_from([1e16, 1e-7, -0.0])
JSON_BUSINESSES = st.builds(
    EmulatedBusiness,
    TEXTS.map(str),
    TEXTS.map(str),
    code=TEXTS,
    status=st.sampled_from(STATUSES),
    address=TEXTS,
    city=TEXTS,
    zipcode=TEXTS,
    country=TEXTS,
    lat=NUMBERS,
    created=NUMBERS,
    more=st.just({})
    | st.dictionaries(st.sampled_from(["groups", "id", "siret", "é"]), TEXTS | st.just({"groups": []})),
)


@given(
    JSON_BUSINESSES,
    st.none() | st.lists(st.integers() | st.sampled_from([2**63, 2**64]), max_size=3),
    st.sampled_from(["both", "temporarily_closed", "closed_temporarily"]),
)
def test_a_business_is_encoded_as_by_the_standard_library(business, groups, spelling: str) -> None:
    """Byte by byte: any text, half characters too, any number, and fields that a test has added or replaced."""
    expected = json.dumps(as_json(business, groups, spelling), separators=(",", ":"))
    assert business_json(business, groups, spelling) == expected


async def test_a_page_is_encoded_as_by_the_standard_library() -> None:
    """The businesses, and then the place of the page."""
    async with Emulator.with_profile("small", rate_limit=None) as emulator:
        for query in ("per_page=7&page=2", "query=nowhere", "city=lyon"):
            body = (await ask(emulator, "GET", f"/business/search?{query}")).body
            assert body == json.dumps(json.loads(body), separators=(",", ":")).encode()
            assert [*json.loads(body)] == ["businesses", "page", "max_page", "count"]
