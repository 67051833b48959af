"""What an application's /openapi.json says of our models, and whether its answers are that."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any

import pytest

from partoo_async import Business, Group, ScanItem, ScanReport
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection
from partoo_async.testing import ThreadedEmulator

fastapi = pytest.importorskip("fastapi", reason="needs the extra fastapi")
testclient = pytest.importorskip("fastapi.testclient", reason="needs what FastAPI's TestClient needs")
jsonschema = pytest.importorskip("jsonschema_rs", reason="needs jsonschema-rs, which schemathesis brings")

from fastapi import Body, FastAPI  # noqa: E402 - see above

from partoo_async import PartooClient  # noqa: E402
from partoo_async.integrations.fastapi import Partoo, lifespan  # noqa: E402

SHOP = EmulatedBusiness("a1", "Café", status="open", lat=45.5, more={"open_hours": {"monday": ["9-12"]}})


@pytest.fixture(scope="module")
def http() -> Iterator[Any]:
    """An application whose routes return what the client returns."""
    groups = {1: EmulatedGroup(1, "A", business_ids=["a1", "b2"]), 2: EmulatedGroup(2, "B")}
    with ThreadedEmulator(sections=[EmulatedSection(7, "S", groups)], businesses=[SHOP]) as emulator:
        app = FastAPI(lifespan=lifespan(lambda: PartooClient(emulator.api_key, server=emulator.server)))

        @app.get("/group")
        async def group(partoo: Partoo) -> Group:
            return await partoo.groups.get(7, 1)

        @app.get("/items")
        async def items(partoo: Partoo) -> list[ScanItem]:
            return list((await partoo.scan(7, group_ids=[1, 404]).collect()).items)

        @app.get("/business")
        async def business(partoo: Partoo) -> Business:
            return await partoo.businesses.get("a1")

        @app.get("/report")
        async def report(partoo: Partoo) -> ScanReport:
            return await partoo.scan([7, 404]).collect()

        @app.post("/posted")
        async def posted(group: Annotated[Group, Body()]) -> str:
            return group.name

        with testclient.TestClient(app) as client:
            yield client


@pytest.fixture(scope="module")
def document(http: Any) -> Any:
    return http.get("/openapi.json").json()


def answer_of(document: Any, path: str) -> Any:
    return document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def nullable(schema: Any) -> set[str]:
    """The fields that may be null."""
    null = {"type": "null"}
    parts = schema["properties"].items()
    return {name for name, part in parts if part.get("type") == "null" or null in part.get("anyOf", ())}


def test_schemas_have_the_names_of_our_classes(document: Any) -> None:
    """No module and no number is part of a name, and each part has its title."""
    schemas = document["components"]["schemas"]
    ours = {"Business", "BusinessSummary", "Group", "PartooError", "ScanFailure", "ScanReport", "ScanSuccess"}
    assert set(schemas) - {"HTTPValidationError", "ValidationError"} == ours
    assert [schemas[name]["title"] for name in sorted(ours)] == sorted(ours)
    assert answer_of(document, "/group") == {"$ref": "#/components/schemas/Group"}
    one_of_two = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("ScanSuccess", "ScanFailure")]}
    assert answer_of(document, "/items")["items"] == one_of_two


def test_fields_say_whether_they_may_be_null_and_what_they_are(document: Any) -> None:
    """An answer has every field. A success has no error and a failure no group; what the class says is told."""
    schemas = document["components"]["schemas"]
    for name in ("Business", "Group", "PartooError", "ScanFailure", "ScanReport", "ScanSuccess"):
        assert schemas[name]["required"] == list(schemas[name]["properties"]), name
    assert nullable(schemas["Group"]) == nullable(schemas["ScanReport"]) == set()
    assert nullable(schemas["ScanSuccess"]) == {"error"}
    assert nullable(schemas["ScanFailure"]) == {"group", "group_id"}
    assert nullable(schemas["PartooError"]) == {"status"}
    assert list(schemas["PartooError"]["properties"]) == ["type", "message", "status", "transient"]
    assert nullable(schemas["Business"]) == set(schemas["Business"]["properties"]) - {"id", "groups", "extra"}
    assert schemas["Group"]["description"] == "A group of businesses."
    assert schemas["Group"]["properties"]["business_ids"] == {
        "title": "Business Ids",
        "description": "All of its businesses.",
        "type": "array",
        "items": {"type": "string"},
    }
    # Of two lines in the docstring.
    status = schemas["Business"]["properties"]["status"]["description"]
    assert status.endswith('two spellings are documented: "temporarily_closed" and "closed_temporarily".')


@pytest.mark.parametrize("path", ["/group", "/items", "/business", "/report"])
def test_answers_fit_their_schemas(http: Any, document: Any, path: str) -> None:
    """What a route answers is what /openapi.json promises, and no key more."""
    components = deepcopy(document["components"])
    for part in components["schemas"].values():
        part["additionalProperties"] = False
    answer = http.get(path).json()
    validator = jsonschema.Draft202012Validator({"components": components, **answer_of(document, path)})
    assert [str(error) for error in validator.iter_errors(answer)] == []
    text = str(answer)
    assert {"/group": "a1", "/items": "NotFoundError", "/business": "monday", "/report": "NotFoundError"}[path] in text
    if path != "/items":
        assert not validator.is_valid({**answer, "more": 1})
        assert not validator.is_valid({name: value for name, value in answer.items() if name not in {"id", "items"}})


def test_a_model_is_taken_as_a_body(http: Any, document: Any) -> None:
    """With ``Body()`` a route takes a model, checked, by the same part of the schema."""
    body = {"id": 1, "name": "A", "has_puller": False, "business_ids": ["a1"]}
    assert http.post("/posted", json=body).json() == "A"
    assert http.post("/posted", json={**body, "id": "one"}).status_code == 422
    content = document["paths"]["/posted"]["post"]["requestBody"]["content"]
    assert content["application/json"]["schema"]["$ref"] == "#/components/schemas/Group"
