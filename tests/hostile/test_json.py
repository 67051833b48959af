"""JSON that is none, and JSON that is not what was asked for."""

from __future__ import annotations

import gzip

import pytest

from partoo_async import APIResponseValidationError, Group, NotFoundError, PartooClient
from tests.hostile.check import FINAL, FOREIGN, FRANCE, KEY, UNREADABLE, Played, check, named, played, row
from tests.hostile.server import HostileServer, Script
from tests.support.raw_server import GROUP, answer


def with_id(text: bytes) -> bytes:
    return answer(200, GROUP.replace(b"42", text))


NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999")


@row(28)
@pytest.mark.parametrize("number", NUMBERS)
async def test_numbers_that_are_none(number: str) -> None:
    """NaN and the infinities are no JSON, and a number too large for a float is no number."""
    await check(with_id(number.encode()), APIResponseValidationError, UNREADABLE)
    await check(played("nan", field="id", value=number), APIResponseValidationError, UNREADABLE)


@row(29)
async def test_duplicate_keys() -> None:
    """Of a key that comes twice the last one counts, as in most decoders."""
    again = b'{"id":41,"id":42,"name":"x","name":"France","has_puller":false,"business_ids":["a","b"]}'
    await check(answer(200, again), FRANCE, 1)
    await check(played("duplicate_key", field="business_ids"), Group(42, "France", False, ()), 1)


@row(29)
async def test_a_second_id() -> None:
    """A second id that is another one is that of another group."""
    await check(played("duplicate_key", field="id"), APIResponseValidationError, FOREIGN)


@row(30, 31)
@pytest.mark.parametrize(
    ("fault", "sends"),
    [
        (answer(200, b"[" * 200_000), UNREADABLE),
        (answer(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000), UNREADABLE),
        (played("deep_nesting"), UNREADABLE),
        (with_id(b"9" * 10_000), UNREADABLE),
        (with_id(b"9223372036854775808"), FINAL),
        (with_id(b"-42"), FINAL),
        (played("huge_integer", field="id"), UNREADABLE),
    ],
    ids=named,
)
async def test_depth_and_length(fault: Script | Played, sends: int) -> None:
    """Nesting without end and numbers without end are errors of ours, not of Python's."""
    await check(fault, APIResponseValidationError, sends)


@row(32)
@pytest.mark.parametrize(
    "fault",
    [answer(200, body) for body in (b"null", b"[]", b'"text"', b"42", b"true", b"{}", b"[" + GROUP + b"]")]
    + [played(kind) for kind in ("json_null", "json_list", "json_string")],
    ids=named,
)
async def test_another_shape(fault: Script | Played) -> None:
    """JSON of another shape is not asked for again: what the server means will not change."""
    await check(fault, APIResponseValidationError, FINAL)


@row(32)
async def test_half_a_surrogate() -> None:
    """A text with half a character is no text."""
    await check(played("lone_surrogate"), APIResponseValidationError, UNREADABLE)


@row(33)
@pytest.mark.parametrize(
    ("field", "place"), [("id", "$.id"), ("name", "$.name"), ("has_puller", "$.has_puller"), ("business_ids", "$.bus")]
)
async def test_a_wrong_type(field: str, place: str) -> None:
    """A value of a wrong type is never coerced; the error names the place, and does not show the payload."""
    error = await check(played("wrong_type", field=field), APIResponseValidationError, FINAL)
    assert place in str(error)
    assert "France" not in f"{error} {vars(error)}"  # type: ignore[arg-type]


@row(33)
@pytest.mark.parametrize("kind", ["null_field", "missing_field"])
async def test_what_is_missing(kind: str) -> None:
    """Without id or name it is an error; what has a neutral value is filled in."""
    for field in ("id", "name"):
        await check(played(kind, field=field), APIResponseValidationError, FINAL)
    await check(played(kind, field="has_puller"), FRANCE, 1)
    await check(played(kind, field="business_ids"), Group(42, "France", False, ()), 1)
    await check(played(kind, field="business_ids"), APIResponseValidationError, FINAL, strict=True)


@row(34)
async def test_more_fields() -> None:
    """Fields that nobody knows do no harm."""
    await check(played("extra_field"), FRANCE, 1)
    await check(answer(200, GROUP[:-1] + b',"x":{"y":[1e308,null]}}'), FRANCE, 1)


@row(35)
@pytest.mark.parametrize("fault", [with_id(b"43"), played("id_mismatch")], ids=named)
async def test_an_answer_to_somebody_else(fault: Script | Played) -> None:
    """An answer with another id is never filed under the one asked for; it is asked for once more."""
    error = await check(fault, APIResponseValidationError, FOREIGN)
    assert "expected id 42 @ $.id" in str(error)


@row(35)
async def test_the_second_try_takes_a_new_connection() -> None:
    """The connection that brought a foreign answer is not used again: it may be off by one for good."""
    server = HostileServer((with_id(b"43"), answer(200, GROUP)))
    await check(server.serve(), FRANCE, 2)
    # One for the foreign answer, one for all that comes after it.
    assert server.connections == 2


@row(52)
@pytest.mark.parametrize(
    ("unusable", "sends"),
    [
        (b"", UNREADABLE),
        (GROUP[:-1], UNREADABLE),
        (GROUP.replace(b"false", b'"no"'), FINAL),
        (GROUP.replace(b'"name"', b'"title"'), FINAL),
    ],
    ids=["empty", "cut", "wrong type", "missing"],
)
async def test_other_unusable_answers_keep_the_connections(unusable: bytes, sends: int) -> None:
    """An answer that is complete but of no use says nothing against the connections: they are used again."""
    server = HostileServer((answer(200, unusable),))
    await check(server.serve(), APIResponseValidationError, sends)
    assert server.connections == 1


TOO_MANY = {
    "objects": b"[" + b"{}," * 2**20 + b"{}]",
    "lists": b"[" + b"[]," * 2**20 + b"[]]",
    "fields": b'{"":' * 300 + b"[" + b'{"a":1,"b":2,"c":3,"d":4},' * 200_000 + b"1]" + b"}" * 300,
    "values": b"[" + b"1," * 2**21 + b"1]",
}


@row(51)
@pytest.mark.parametrize("body", TOO_MANY.values(), ids=TOO_MANY)
async def test_more_values_than_fit_in_memory(body: bytes) -> None:
    """A few bytes on the wire that would become a gigabyte of objects are refused before anything is made of them, once
    and for good."""
    packed = answer(200, gzip.compress(GROUP[:-1] + b',"more":' + body + b"}", 1), "Content-Encoding: gzip")
    error = await check(packed, APIResponseValidationError, FINAL, memory=64 * 2**20)
    assert "the body holds more than" in str(error)


@row(51)
async def test_a_refusal_of_many_values_is_a_refusal() -> None:
    """The status of an error counts, whatever its body would become; of that the beginning is kept as text."""
    error = await check(answer(404, b"[" + b"{}," * 300_000 + b"{}]"), NotFoundError, FINAL)
    assert isinstance(error, NotFoundError)
    assert isinstance(error.body, str)


@row(51)
async def test_a_large_section_is_read() -> None:
    """A section of 100,000 groups has 6 MB, and is an answer like any other."""
    groups = ",".join(f'{{"id":{number},"name":"Group {number}","has_puller":false}}' for number in range(100_000))
    body = f'{{"id":7,"name":"All","can_edit":true,"groups":[{groups}]}}'.encode()
    async with HostileServer((answer(200, body),)).serve() as server, PartooClient(KEY, server=server.url) as client:
        assert len((await client.sections.get(7)).groups) == 100_000
