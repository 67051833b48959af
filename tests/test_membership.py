"""``add_businesses`` and ``remove_businesses``: against the emulator, with another writer in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from partoo_async import (
    ConfigurationError,
    DeadlineExceededError,
    Group,
    LostUpdateError,
    PartooClient,
    PermissionDeniedError,
    RequestEvent,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import TLS
from tests.support.virtual import run_virtual

Change = Callable[[PartooClient], Awaitable[Group]]


def data() -> list[EmulatedSection]:
    groups = {
        42: EmulatedGroup(42, "France", business_ids=["b", "a"]),
        43: EmulatedGroup(43, "All", business_ids=["a", "b", "c", "d"]),  # an id is known by the groups that have it
        44: EmulatedGroup(44, "Fed", True, business_ids=["a"]),
    }
    return [EmulatedSection(7, "Country", groups)]


async def changed(
    change: Change, *others: list[str], after: str = "POST"
) -> tuple[Group | Exception, list[str], EmulatedGroup]:
    """Make the change, while another program writes ``others``, one after each request with this method.

    Returns the result, the methods that the server saw, and what it has in the end.
    """
    lists = iter(others)

    def write(event: Any) -> None:
        if isinstance(event, RequestEvent) and event.route.startswith(after):
            written = next(lists, None)
            if written is not None:
                emulator.sections[7].groups[42].business_ids[:] = written

    async with Emulator(sections=data()) as emulator:
        async with PartooClient(
            emulator.api_key, server=emulator.server, cache_ttl=60.0, on_event=write, ssl_context=TLS
        ) as client:
            try:
                result: Group | Exception = await change(client)
            except (LostUpdateError, PermissionDeniedError) as error:
                result = error
        return result, [seen.method for seen in emulator.requests], emulator.sections[7].groups[42]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda client: client.groups.add_businesses(7, 42, ["c"]), ["b", "a", "c"], id="add"),
        pytest.param(lambda client: client.groups.add_businesses(7, 42, iter("dadc")), ["b", "a", "d", "c"], id="more"),
        pytest.param(lambda client: client.groups.add_businesses("7", "42", ("c",)), ["b", "a", "c"], id="digits"),
        pytest.param(lambda client: client.groups.remove_businesses(7, 42, ["b", "d"]), ["a"], id="remove"),
        pytest.param(lambda client: client.groups.remove_businesses(7, 42, {"a", "b"}), [], id="all"),
    ],
)
async def test_a_change_is_read_written_and_read_again(change: Change, expected: list[str]) -> None:
    """Three requests; name and order of the others stay, each business is there once; the result is what is there."""
    result, methods, group = await changed(change)
    assert result == Group(42, "France", False, tuple(expected))
    assert methods == ["GET", "POST", "GET"]
    assert group == EmulatedGroup(42, "France", business_ids=expected)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda client: client.groups.add_businesses(7, 42, ["a", "b"]), id="there"),
        pytest.param(lambda client: client.groups.remove_businesses(7, 42, ["c"]), id="gone"),
        pytest.param(lambda client: client.groups.add_businesses(7, 42, []), id="add-none"),
        pytest.param(lambda client: client.groups.remove_businesses(7, 42, ()), id="remove-none"),
    ],
)
async def test_without_a_change_nothing_is_written(change: Change) -> None:
    """What is there already, gone already, or nothing at all, costs one read, and returns the group."""
    result, methods, _ = await changed(change)
    assert (result, methods) == (Group(42, "France", False, ("b", "a")), ["GET"])


async def test_the_cache_has_no_say() -> None:
    """What the list was a moment ago does not matter, even if the client caches reads."""

    async def change(client: PartooClient) -> Group:
        await client.groups.get(7, 42)
        return await client.groups.add_businesses(7, 42, ["d"])

    result, _, group = await changed(change, ["c"], after="GET")
    assert result == Group(42, "France", False, ("c", "d"))
    assert group.business_ids == ["c", "d"]


async def test_a_lost_update_is_made_once_more() -> None:
    """Another program that had read the old list overwrites the change: it is made again, on top of what is there."""
    result, methods, group = await changed(lambda client: client.groups.add_businesses(7, 42, ["c"]), ["a", "d"])
    assert result == Group(42, "France", False, ("a", "d", "c"))
    assert methods == ["GET", "POST", "GET", "POST", "GET"]
    assert group.business_ids == ["a", "d", "c"]


async def test_an_update_on_top_of_the_change_is_none_that_got_lost() -> None:
    """Another program that had read the new list may add to it."""
    result, methods, _ = await changed(lambda client: client.groups.remove_businesses(7, 42, ["b"]), ["a", "c", "d"])
    assert result == Group(42, "France", False, ("a", "c", "d"))
    assert methods == ["GET", "POST", "GET"]


async def test_an_update_that_is_lost_twice_is_told() -> None:
    """After the second time the error says what the group has, and that a later try may do."""
    result, methods, group = await changed(
        lambda client: client.groups.remove_businesses(7, 42, ["a"]), ["a", "d"], ["a", "c", "b"]
    )
    assert isinstance(result, LostUpdateError)
    assert str(result).startswith("POST /sections/7/groups/42 was accepted twice, but")
    assert result.business_ids == ("a", "c", "b") == tuple(group.business_ids)
    assert result.transient
    assert methods == ["GET", "POST", "GET", "POST", "GET"]


@pytest.mark.parametrize("verb", ["add_businesses", "remove_businesses"])
async def test_a_group_with_a_puller_is_refused_before_the_write(verb: str) -> None:
    """The same error as the server's, which says that nothing was sent."""
    result, methods, _ = await changed(
        lambda client: getattr(client.groups, verb)(7, 44, ["a" if "rem" in verb else "b"])
    )
    assert isinstance(result, PermissionDeniedError)
    assert "not sent, since an automated feed fills the group" in str(result)
    assert result.route == "POST /sections/7/groups/44"
    assert methods == ["GET"]


@pytest.mark.parametrize("ids", ["abc", None, [1], [""], 7])
async def test_what_is_no_list_of_ids_is_refused_unsent(ids: Any) -> None:
    """A string is an iterable of strings, and never what was meant."""
    async with Emulator(sections=data()) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server, ssl_context=TLS) as client:
            for change in (client.groups.add_businesses, client.groups.remove_businesses):
                with pytest.raises(ConfigurationError, match="^ids: "):
                    await change(7, 42, ids)
        assert emulator.requests == ()


async def test_what_the_server_has_is_no_bad_argument() -> None:
    """A group may have a name and ids that the documentation allows nobody: they are sent back as they came."""
    has: dict[str, Any] = {"name": "Nord; Est/Ouest, Sud", "business_ids": ["", "a,b"]}

    async def respond(request: MockRequest) -> MockResponse:
        if request.method == "POST":
            assert request.json["name"] == has["name"]
            has["business_ids"] = request.json["business__in"]
        return MockResponse(json={"id": 42, "has_puller": False, **has})

    async with PartooClient("key", transport=MockTransport(respond)) as client:
        group = await client.groups.add_businesses(7, 42, ["c"])
        assert (group.name, group.business_ids) == (has["name"], ("", "a,b", "c"))
        assert (await client.groups.remove_businesses(7, 42, ["a,b"])).business_ids == ("", "c")


def test_the_timeout_bounds_all_of_it() -> None:
    """Three requests of 4 s each do not fit into 10 s; the second read is what is missing then."""

    async def respond(request: MockRequest) -> MockResponse:
        await asyncio.sleep(4.0)
        if request.method == "POST":
            return MockResponse(json={"status": "success", "id": 42})
        return MockResponse(json={"id": 42, "name": "France", "has_puller": False, "business_ids": []})

    async def main() -> tuple[float, list[str]]:
        transport = MockTransport(respond)
        async with PartooClient("key", transport=transport, timeout=10.0) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(DeadlineExceededError):
                await client.groups.add_businesses(7, 42, ["a"])
            return asyncio.get_running_loop().time() - started, [seen.method for seen in transport.requests]

    assert run_virtual(main()) == (pytest.approx(10.0), ["GET", "POST", "GET"])
