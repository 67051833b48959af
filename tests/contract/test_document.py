"""Our document has every operation that the emulator serves, and agrees with the official one where that speaks."""

from __future__ import annotations

from typing import Any

import pytest

from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.http.business_handlers import BusinessHandlers
from partoo_async.emulator.http.http_io import BASE_PATH, routes_of
from partoo_async.emulator.http.section_handlers import SectionHandlers
from tests.contract.documents import load, official, operations, ours


def shape(schema: dict[str, Any]) -> Any:
    """What a value may be: types and fields; without texts, examples and what is required of it."""
    if "properties" in schema:
        # Two of the official error schemas leave out that they are objects.
        return {name: shape(field) for name, field in schema["properties"].items()}
    if schema.get("type") == "array":
        return [shape(schema["items"])]
    return (schema["type"], schema.get("default"))


def parameters(operation: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = operation["parameters"]
    return sorted((one["in"], one["name"], one["required"], one["schema"]["type"]) for one in found)


def bodies(operation: dict[str, Any]) -> dict[str, Any]:
    """The shape of the body of each answer that belongs to the official list."""
    return {
        status: {kind: shape(content["schema"]) for kind, content in response["content"].items()}
        for status, response in operation["responses"].items()
        if "x-beyond-official" not in response
    }


def test_every_operation_of_the_emulator_is_documented() -> None:
    """Path and method of each route are in the document, and none besides."""
    index = BusinessIndex(Store({}), seed=0)
    routes = [
        *routes_of(SectionHandlers(index.store, index)),
        *routes_of(BusinessHandlers(index.store, index)),
    ]
    found = [(route.method, route.path.removeprefix(BASE_PATH)) for route in routes]
    assert sorted(found) == sorted(operations(ours()))
    assert len(routes) == 11


def test_it_agrees_with_the_official_document() -> None:
    """Same path, parameters, answers, fields, types and defaults for each operation that the official one has."""
    expected, found = operations(official()), operations(ours())
    assert expected
    for key, operation in expected.items():
        assert found[key]["operationId"] == operation["operationId"]
        assert parameters(found[key]) == parameters(operation)
        assert bodies(found[key]) == bodies(operation)


def test_servers_and_key_are_the_official_ones() -> None:
    """The two base URLs, and the header that the key goes into, for every operation."""
    expected, found = official(), ours()
    assert [server["url"] for server in found["servers"]] == [server["url"] for server in expected["servers"]]
    assert found["security"] == expected["security"]
    theirs, own = (document["components"]["securitySchemes"]["ApiKeyAuth"] for document in (expected, found))
    assert own == {name: value for name, value in theirs.items() if name != "description"}


def test_what_goes_beyond_the_official_list_says_why() -> None:
    """Get Group has the four official statuses; each further one carries its reason."""
    responses = operations(ours())["GET", "/sections/{section_id}/groups/{group_id}"]["responses"]
    beyond = {status: response.get("x-beyond-official") for status, response in responses.items()}
    assert {status for status, reason in beyond.items() if reason is None} == {"200", "400", "401", "403"}
    assert {status for status, reason in beyond.items() if reason} == {"404", "429"}


def test_a_difference_would_be_seen(tmp_path) -> None:
    """The comparison above notices a missing field, another type, another parameter and another status."""
    path = tmp_path / "other.yaml"
    source = (
        "paths: {/a: {get: {parameters: [{in: path, name: id, required: true, schema: {type: %s}}],"
        " responses: {'%s': {content: {application/json: {schema: {type: object, properties: {%s: {type: %s}}}}}}}}}}"
    )

    def read(*values: str) -> Any:
        path.write_text(source % values, encoding="utf-8")
        operation = operations(load(path))["GET", "/a"]
        return parameters(operation), bodies(operation)

    same = read("integer", "200", "id", "integer")
    assert read("integer", "200", "id", "integer") == same
    changes = [
        ("string", "200", "id", "integer"),
        ("integer", "201", "id", "integer"),
        ("integer", "200", "ids", "integer"),
        ("integer", "200", "id", "string"),
    ]
    assert all(read(*change) != same for change in changes)


def test_the_official_document_is_not_needed(monkeypatch, tmp_path) -> None:
    """Without it those tests are skipped, and say how it can be given."""
    monkeypatch.setenv("PARTOO_OFFICIAL_SPEC", str(tmp_path / "not-there.yaml"))
    with pytest.raises(pytest.skip.Exception, match="PARTOO_OFFICIAL_SPEC"):
        official()
