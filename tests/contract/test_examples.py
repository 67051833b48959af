"""The official examples of answers of "Get Group", as the emulator serves them; for errors, the schemas' defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partoo_async import AuthenticationError, BadRequestError, Group, PartooClient, PermissionDeniedError
from partoo_async.emulator import Behaviour
from tests.contract.documents import HERE, official, operations

EXAMPLES: dict[str, Any] = json.loads((HERE / "examples.json").read_text(encoding="utf-8"))
PATH = "/sections/{section_id}/groups/{group_id}"


def example(schema: dict[str, Any]) -> Any:
    """The example that a schema holds; no boolean of the official document has one, so they are left out of it."""
    for keyword in ("example", "default"):
        if keyword in schema:
            return schema[keyword]
    fields = schema.get("properties", {})
    return {name: example(field) for name, field in fields.items() if field["type"] != "boolean"}


def test_they_are_the_official_ones() -> None:
    """The file beside this test holds what the official document shows."""
    responses = operations(official())["GET", PATH]["responses"]
    found = {status: example(one["content"]["application/json"]["schema"]) for status, one in responses.items()}
    assert found == EXAMPLES


async def test_the_group_is_served_as_in_the_example(serve) -> None:
    """Group 1 of section 1 is the example to the letter, in this order; has_puller has no example, but a type."""
    api = await serve()
    answer = await api.get("/sections/1/groups/1")
    assert answer.status == 200
    assert answer.body.pop("has_puller") is False
    assert json.dumps(answer.body) == json.dumps(EXAMPLES["200"])


async def test_errors_are_served_as_in_the_examples(serve) -> None:
    """400, 401 and 403, each with the documented body and no more."""
    api = await serve(unknown_status=403, behaviour=Behaviour(problem_details=False))
    answers = [
        await api.get("/sections/1/groups/x"),
        await api.get("/sections/1/groups/1", headers={"x-APIKey": "unknown"}),
        await api.get("/sections/1/groups/999"),
    ]
    assert {str(answer.status): answer.body for answer in answers} == {
        status: EXAMPLES[status] for status in ("400", "401", "403")
    }


async def test_the_client_reads_the_examples(serve) -> None:
    """A group, and an error of the right class for each of the three bodies."""
    api = await serve(unknown_status=403, behaviour=Behaviour(problem_details=False))
    server, key = api.emulator.server, api.emulator.api_key
    async with PartooClient(key, server=server) as partoo, PartooClient("unknown", server=server) as stranger:
        fields = EXAMPLES["200"] | {"business_ids": tuple(EXAMPLES["200"]["business_ids"])}
        assert await partoo.groups.get(1, 1) == Group(has_puller=False, **fields)
        with pytest.raises(BadRequestError) as bad:
            await partoo.request("GET", "/sections/1/groups/x")
        with pytest.raises(AuthenticationError) as unauthenticated:
            await stranger.groups.get(1, 1)
        with pytest.raises(PermissionDeniedError) as forbidden:
            await partoo.groups.get(1, 999)
    raised = (bad, unauthenticated, forbidden)
    assert [str(caught.value.status) for caught in raised] == ["400", "401", "403"]
    assert bad.value.body.errors.json == {}
    assert unauthenticated.value.body.errors.authentication == "User not authenticated"
    assert forbidden.value.body.errors.authorization == "Operation not allowed"
