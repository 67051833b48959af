"""Mistakes of those who are new here, each with an error that names what to write."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from contextlib import aclosing
from typing import Any
from unittest.mock import create_autospec

import pytest

from partoo_async import (
    SANDBOX,
    Business,
    ConfigurationError,
    Group,
    GroupSummary,
    PartooClient,
    PartooSession,
    Section,
)
from partoo_async._internal.hints import keyword_hint
from partoo_async.emulator import Emulator
from partoo_async.testing import MockResponse, MockTransport
from tests.support.each import each

KEY = "sk-very-secret-0123456789"
SECTION = Section(7, "France", (), can_edit=True, has_puller=False)
GROUP = Group(42, "North", has_puller=False, business_ids=())


def client() -> Any:
    return PartooClient(KEY, transport=MockTransport(lambda _: MockResponse(404)))


def enter(thing: Any) -> None:
    with thing:
        pass


async def wait(thing: Any) -> None:
    await thing


@each(
    ("make", "told"),
    [
        (lambda: enter(client()), "PartooClient: use 'async with', not 'with'"),
        (lambda: enter(PartooSession(KEY)), "PartooSession: use 'async with', not 'with'"),
        (lambda: enter(Emulator()), "Emulator: use 'async with', not 'with'"),
        (lambda: enter(client().scan(7)), "Scan: use 'async with', not 'with'"),
        (lambda: list(client().scan(7)), "Scan: use 'async for' inside 'async with', not 'for'"),
        (lambda: list(client().sections.iterate()), "sections.iterate(...): use 'async for', not 'for'"),
        (lambda: list(client().businesses.iterate()), "businesses.iterate(...): use 'async for', not 'for'"),
    ],
)
def test_what_is_asynchronous_says_so(make: Any, told: str) -> None:
    """``with`` and ``for`` name the words to write."""
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == told


@each(
    ("make", "told"),
    [
        (lambda: wait(client().scan(7)), "Scan: await its collect(), or use 'async with' and 'async for'"),
        (lambda: wait(client().sections.iterate()), "[item async for item in sections.iterate(...)]"),
    ],
)
def test_what_was_meant_is_named(make: Any, told: str) -> None:
    """``await`` of what is not awaited."""
    with pytest.raises(TypeError) as caught:
        asyncio.run(make())
    assert told in str(caught.value)


async def test_a_method_stays_a_method() -> None:
    """With its text, signature and name; and what it returns can be closed as any async generator."""
    sections = client().sections
    assert "Yield each section" in sections.iterate.__doc__
    assert str(inspect.signature(sections.iterate)).startswith("(*, org_id: ")
    mocked: Any = create_autospec(PartooClient("key"), instance=True)
    mocked.sections.iterate(org_id=3)
    mocked.scan([7], group_ids=[1])
    with pytest.raises(TypeError):
        mocked.sections.iterate(7)
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as partoo:
        assert (await anext(partoo.sections.iterate())).id
        async with aclosing(partoo.sections.iterate()) as pages:
            async for _ in pages:
                break
        with pytest.raises(StopAsyncIteration):
            await anext(pages)


@each(
    ("make", "told"),
    [
        (lambda: client().groups.get(SECTION, 42), "section_id: expected an int, or a string of digits, not Section"),
        (lambda: client().groups.get(7, GROUP), "pass the id: group.id"),
        (lambda: client().groups.get(7, GroupSummary(1, "", has_puller=False)), "pass the id: group.id"),
        (lambda: client().sections.update(SECTION, name="x"), "pass the id: section.id"),
        (lambda: client().groups.update(7, 42, name="x", business_ids=[Business("b")]), "pass the id: business.id"),
        (lambda: client().groups.add_businesses(7, 42, Business("b")), "pass the id: business.id"),
        (lambda: client().businesses.get(Business("b")), "pass the id: business.id"),
        (lambda: client().businesses.search(ids=[Business("b")]), "pass the id: business.id"),
        (lambda: client().scan(SECTION).collect(), "pass the id: section.id"),
        (lambda: client().scan([SECTION]).collect(), "pass the id: section.id"),
        (lambda: client().scan(7, group_ids=[GROUP]).collect(), "pass the id: group.id"),
        (lambda: client().scan("7,9").collect(), "for several pass a list"),
        (lambda: client().with_options(max_retries=3), "here it is retry=RetryPolicy(max_retries=...)"),
        (lambda: client().with_options(quota=None), "quota: with_options() cannot change it"),
        (lambda: PartooClient("prod"), "this is a server, not a key; pass it as server="),
        (lambda: PartooClient("Sandbox"), "this is a server, not a key; pass it as server="),
        (lambda: PartooClient("https://api.partoo.co/v2"), "this is a server, not a key; pass it as server="),
        (lambda: PartooClient(SANDBOX), "expected a string, not Server; pass it as server="),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_names_the_right_one(make: Any, told: str) -> None:
    """An object where its id belongs, a text of several ids, a server where the key belongs."""

    async def run() -> None:
        await make()

    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(run())
    assert told in str(caught.value)


@each(
    ("options", "told"),
    [
        ({"max_retries": 3}, "'max_retries'; here it is retry=RetryPolicy(max_retries=...)"),
        ({"retries": 3}, "'retries'; here it is retry=RetryPolicy(max_retries=...)"),
        ({"base_url": "x"}, "'base_url'; here it is server=\"https://...\""),
        ({"token": KEY}, "'token'; here it is api_key=..."),
        ({"headers": {}}, "'headers'; here it is session=aiohttp.ClientSession(headers=...)"),
        ({"verify": False}, "'verify'; here it is ssl_context=ssl.create_default_context(cafile=...)"),
        ({"proxies": {}}, "'proxies'; here it is proxy=\"http://...\""),
        ({"timeot": 3}, "'timeot'; did you mean timeout?"),
        ({"nonsense": 3}, "'nonsense'"),
    ],
)
def test_options_of_other_libraries_are_translated(options: dict[str, Any], told: str) -> None:
    """A TypeError as Python's own, and what the option is called here. No frame of ours holds the key."""
    with pytest.raises(TypeError) as caught:
        PartooClient(api_key=KEY, **options)
    assert str(caught.value) == f"PartooClient() got an unexpected keyword argument {told}"
    stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert not [frame for frame in stack if "partoo_async/_internal" in frame.filename and KEY in str(frame.locals)]


def test_only_the_key_comes_by_position() -> None:
    """The error says how to name the others."""
    with pytest.raises(TypeError, match="takes api_key alone by position; name the other arguments, such as server="):
        PartooClient(KEY, "sandbox")  # type: ignore[misc]


def test_no_hint_leads_to_an_option_that_is_not_there() -> None:
    """Each names a keyword of the client, or none."""
    known = inspect.signature(PartooClient).parameters
    hints = {keyword_hint(name, known) for name in ("retries", "url", "auth", "ssl", "rate", "cache", "pool_size")}
    assert {hint.removeprefix("; here it is ").partition("=")[0] for hint in hints} <= set(known)
