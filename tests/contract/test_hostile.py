"""The emulator under requests that a tool makes up from our document: fitting ones, boundaries, and broken ones.

Every answer has to be one that the document lists for that operation, with its content type and shape; what fits is not
refused as incorrect, what does not fit is not accepted, no method besides the documented ones exists, and no key means
401. The same requests come at every run.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.contract.documents import HERE, operations, ours

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


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@contextlib.contextmanager
def unmeasured() -> Iterator[None]:
    """Coverage is of the package, which runs in another thread here; measured, the tool takes three times as long."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


@pytest.mark.parametrize("count", [4, pytest.param(150, marks=pytest.mark.soak)])
def test_every_answer_is_a_documented_one(count: int, threaded: Emulator, subtests: pytest.Subtests) -> None:
    """Whatever is asked of an operation, on fresh data each time. Each one did its work and refused something, too:
    else this would have shown little."""
    schemathesis, requests = pytest.importorskip("schemathesis"), pytest.importorskip("requests")
    # What its plugin calls while tests are collected; that takes a second or two, and each worker collects all tests.
    from schemathesis.pytest.lazy import get_all_tests

    tried: set[tuple[str, str]] = set()

    def ask(case: Any) -> None:
        tried.add((case.operation.method.upper(), case.operation.path))
        threaded.sections.clear()
        threaded.sections.update(small_sections())
        case.call_and_validate(base_url=threaded.url, headers={"x-APIKey": threaded.api_key}, session=session)

    schema = schemathesis.openapi.from_dict(narrowed())
    # The key is a valid one here, and the check `ignored_auth` leaves it out by itself.
    schema.config.generation.with_security_parameters = False
    with unmeasured(), requests.Session() as session:
        for made in get_all_tests(schema=schema, test_func=examples(count)(ask), settings=None, given_kwargs=None):
            operation, test = made.ok()
            with subtests.test(operation.label):
                test()
    assert tried == {*operations(ours())}
    seen = {(request.method, request.route, request.status) for request in threaded.requests}
    for method, route in tried:
        assert (method, route, 200) in seen
        assert (method, route, 401) in seen
        # The id of a business is any text, so that nothing about it can be incorrect.
        assert (method, route, 404 if route == "/business/{business_id}" else 400) in seen
    assert max(request.status or 0 for request in threaded.requests) < 500
