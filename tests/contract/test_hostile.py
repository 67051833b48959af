"""The emulator under requests that a tool makes up from our document: fitting ones, boundaries, and broken ones.

Every answer has to be one that the document lists for that operation, with its content type and shape; what fits is not
refused as incorrect, what does not fit is not accepted, no method besides the documented ones exists, and no key means
401. The same requests come at every run.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.contract.documents import HERE, operations, ours

schemathesis = pytest.importorskip("schemathesis")

SECTIONS, GROUPS, BUSINESSES = [1, 3, 12], [10, 30, 40], ["b1", "b2"]


def small_sections() -> dict[int, EmulatedSection]:
    """An editable section, a read-only one, and one that a puller feeds."""
    return {
        1: EmulatedSection(1, "Editable", {10: EmulatedGroup(10, "A", business_ids=BUSINESSES)}),
        3: EmulatedSection(3, "Read-only", {30: EmulatedGroup(30, "C")}, can_edit=False),
        12: EmulatedSection(12, "Fed", {40: EmulatedGroup(40, "D", has_puller=True)}, has_puller=True),
    }


def narrowed() -> dict[str, Any]:
    """Our document, with ids that there are: else nearly every request made up from it would end in a 404."""
    document: dict[str, Any] = yaml.safe_load((HERE / "openapi.yaml").read_text(encoding="utf-8"))
    document["components"]["parameters"]["section_id"]["schema"]["enum"] = SECTIONS
    document["components"]["parameters"]["group_id"]["schema"]["enum"] = GROUPS
    for name in ("NewGroup", "GroupUpdate"):
        members = document["components"]["schemas"][name]["properties"]["business__in"]
        members["items"] = {"type": "string", "enum": BUSINESSES}
    paths = document["paths"]
    parameters = paths["/business/search"]["get"]["parameters"]
    next(one for one in parameters if one.get("name") == "groups")["schema"]["items"]["enum"] = GROUPS
    paths["/business/{business_id}"]["get"]["parameters"][0]["schema"]["examples"] = BUSINESSES
    return document


tried: set[tuple[str, str]] = set()
"""The operations that were tried in this process: of several workers each may have some of them."""

schema = schemathesis.openapi.from_dict(narrowed())
# The key is a valid one here, and the check `ignored_auth` leaves it out by itself.
schema.config.generation.with_security_parameters = False


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.soak
@schema.parametrize()
@examples(150)
def test_every_answer_to_many_requests_is_a_documented_one(case: Any, threaded: Emulator) -> None:
    """Whatever is asked of an operation, on fresh data each time, for longer."""
    ask(case, threaded)


@schema.parametrize()
@examples(10)
def test_every_answer_is_a_documented_one(case: Any, threaded: Emulator) -> None:
    """Whatever is asked of an operation, on fresh data each time."""
    ask(case, threaded)


def ask(case: Any, threaded: Emulator) -> None:
    tried.add((case.operation.method.upper(), case.operation.path))
    threaded.sections.clear()
    threaded.sections.update(small_sections())
    case.call_and_validate(base_url=threaded.url, headers={"x-APIKey": threaded.api_key})


def test_the_requests_reached_every_operation(threaded: Emulator) -> None:
    """Each one did its work and refused something, too: else the test above would have shown little."""
    if not tried:
        pytest.skip("the requests are those of the test above, which did not run here")
    assert tried <= {*operations(ours())}
    seen = {(request.method, request.route, request.status) for request in threaded.requests}
    for method, route in tried:
        assert (method, route, 200) in seen
        assert (method, route, 401) in seen
        # The id of a business is any text, so that nothing about it can be incorrect.
        assert (method, route, 404 if route == "/business/{business_id}" else 400) in seen
    assert max(request.status or 0 for request in threaded.requests) < 500
