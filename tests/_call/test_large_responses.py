"""Very large responses are decoded a slice at a time, and small ones as ever."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Response
from partoo_async._protocol.interpret import interpret
from partoo_async._protocol.operations import Operation, custom, get_group, get_section
from partoo_async.errors import APIResponseValidationError, InternalServerError
from partoo_async.models import Section
from partoo_async.servers import SANDBOX

GROUPS = 14_000
SLICES = 4


def section(**changed: Any) -> bytes:
    groups = [{"id": number, "name": f"Group {number}", "has_puller": True} for number in range(GROUPS)]
    return json.dumps(
        {"id": 7, "name": "Country", "groups": groups, "can_edit": True, "has_puller": False, **changed}
    ).encode()


async def read(operation: Operation[Any], body: bytes, decoder: Decoder, status: int = 200) -> tuple[Any, int]:
    """The result of a response, and how often another task had its turn meanwhile."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    response = Response(status, {}, body)
    try:
        ready = await DecodeBudget().decoder_for(operation, response, decoder)
        return interpret(operation, response, ready, SANDBOX), turns
    finally:
        counting.cancel()


async def test_others_have_their_turn() -> None:
    """Another task runs between two slices of a section, which is then what it is when it is decoded at once."""
    found, turns = await read(get_section(7), section(), decoder := Decoder(strict=True))
    assert turns >= SLICES - 1
    assert found == Decoder(strict=True).decode(section(), Section, get_section(7).request)
    assert not decoder.drift


async def test_drift_is_still_counted() -> None:
    """A large response that differs from the documentation is decoded as a small one, and its drift is counted."""
    decoder = Decoder()
    found, _ = await read(get_section(7), section(color="red"), decoder)
    assert len(found.groups) == GROUPS
    assert decoder.drift == {"Section.color unknown": 1}


@pytest.mark.parametrize("changed", [{"more": None}, {"has_puller": None}])
async def test_drift_in_each_item(changed: dict[str, Any]) -> None:
    """An API that sends one field more, or one less, makes no large response stand in the way of others."""
    group = {"name": "Country of a group", "has_puller": True, **changed}
    body = section(groups=[{"id": one, **group} for one in range(GROUPS)])
    decoder, fresh = Decoder(), Decoder()
    found, turns = await read(get_section(7), body, decoder)
    assert turns >= SLICES - 1
    fresh._readers[Section] = None
    assert found == fresh.decode(body, Section, get_section(7).request)
    assert decoder.drift == fresh.drift
    assert len(decoder.drift) == 1


async def test_drift_of_what_is_refused() -> None:
    """A large response that is refused for another reason counts no drift."""
    decoder = Decoder()
    with pytest.raises(APIResponseValidationError):
        await read(get_section(7), section(color="red", can_edit=1), decoder)
    assert not decoder.drift


async def test_strict() -> None:
    """With ``strict=True`` drift in a large response is an error, as in a small one."""
    with pytest.raises(APIResponseValidationError) as caught:
        await read(get_section(7), section(color="red"), Decoder(strict=True))
    assert caught.value.problems == ("unknown @ $.color",)


async def test_another_section() -> None:
    """A large response with another id is refused, too."""
    with pytest.raises(APIResponseValidationError, match="expected id 8"):
        await read(get_section(8), section(), Decoder())


async def test_what_is_wrong_is_named() -> None:
    """The error of a large response names the place."""
    with pytest.raises(APIResponseValidationError) as caught:
        await read(get_section(7), section(can_edit=1), Decoder())
    assert caught.value.problems == ("expected bool @ $.can_edit",)


@pytest.mark.parametrize("operation", [custom("GET", "/x", params=None, json=None, idempotent=None), get_group(7, 1)])
async def test_no_model_no_slices(operation: Operation[Any]) -> None:
    """What has no list of a known form, and the body of an error, is decoded at once."""
    body = json.dumps([1] * 300_000).encode()
    with pytest.raises(InternalServerError):
        await read(operation, body, Decoder(), status=500)
    if operation.model is None:
        found, turns = await read(operation, body, Decoder())
        assert len(found) == 300_000
        assert turns == 0
