"""Starting, stopping, addresses and arguments."""

from __future__ import annotations

import asyncio
import logging
import socket
import time

import aiohttp
import pytest

from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.emulator.http import listener
from partoo_async.errors import ConfigurationError
from partoo_async.servers import Server
from tests.support.clock import Clock
from tests.support.common import PATIENCE
from tests.support.each import each


async def _status(emulator: Emulator, *, group: int = 1, **options: float) -> int:
    headers = {"x-APIKey": emulator.api_key}
    timeout = aiohttp.ClientTimeout(**options)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(emulator.url + f"/sections/1/groups/{group}", headers=headers) as response,
    ):
        return response.status


async def test_it_is_a_server_like_production_and_sandbox() -> None:
    """A `Server` on loopback, with the base path of the real one."""
    async with Emulator() as emulator:
        assert emulator.server == Server("emulator", emulator.url)
        assert emulator.url.startswith("http://127.0.0.1:")
        assert emulator.url.endswith("/v2")
        assert emulator.api_key == "emulator-key"


async def test_it_has_no_address_before_the_first_start() -> None:
    """The port is not known yet; the error says what to do."""
    emulator = Emulator()
    assert repr(emulator) == "<Emulator stopped, 6 sections, 77 groups>"
    with pytest.raises(RuntimeError, match="async with Emulator"):
        _ = emulator.url
    with pytest.raises(RuntimeError, match="async with Emulator"):
        _ = emulator.server


async def test_it_comes_back_on_its_port_with_its_data() -> None:
    """A stop and a start are an outage: connections are refused in between, address and log stay."""
    emulator = Emulator()
    async with emulator:
        url = emulator.url
        assert repr(emulator) == f"<Emulator running at {url}, 6 sections, 77 groups>"
        assert await _status(emulator) == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await _status(emulator)
    async with emulator:
        assert emulator.url == url
        assert await _status(emulator) == 200
        with pytest.raises(RuntimeError, match="running already"):
            await emulator.start()
    await emulator.stop()
    assert len(emulator.requests) == 2


async def test_a_stop_waits_neither_for_idle_connections_nor_for_slow_answers() -> None:
    """Done long before, with a keep-alive connection open and an answer twenty minutes away."""
    emulator = Emulator(latency=10 * PATIENCE)
    await emulator.start()
    slow = asyncio.create_task(_status(emulator))
    _, idle = await asyncio.open_connection("127.0.0.1", int(emulator.url.split(":")[2].split("/")[0]))
    while not emulator.requests:
        await asyncio.sleep(0.001)
    async with asyncio.timeout(PATIENCE):
        await emulator.stop()
    with pytest.raises(aiohttp.ClientError):
        await slow
    idle.close()
    await idle.wait_closed()


async def test_a_stop_under_load_is_quiet(caplog, monkeypatch) -> None:
    """Nothing is logged, and no task is left, when answers come due in the turn of the loop that ends the patience."""
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    monkeypatch.setattr(listener, "_SHUTDOWN_TIMEOUT", 20 * PATIENCE)
    clock = Clock(monkeypatch)
    emulator = Emulator(latency=(5 * PATIENCE, 10 * PATIENCE), rate_limit=None)
    emulator.faults.add("stall", match="GET /sections/1/groups/2")
    await emulator.start()
    before = asyncio.all_tasks()
    calls = [asyncio.create_task(_status(emulator, group=1 + number % 2)) for number in range(30)]
    async with asyncio.timeout(PATIENCE):
        while len(emulator.requests) < 30:
            await asyncio.sleep(0.001)
    stopping = asyncio.create_task(emulator.stop())
    while emulator._listener.is_open:
        await asyncio.sleep(0)
    for turn in range(100):
        if turn >= 10:
            clock.forward(30 * PATIENCE)
        await asyncio.sleep(0)
    await stopping
    await asyncio.wait(calls)
    left = asyncio.all_tasks() - before
    assert (unhandled, caplog.records, left) == ([], [], set())


@pytest.mark.parametrize("latency", [0.05, (0.05, 0.06)])
async def test_latency_delays_every_answer(latency) -> None:
    """By a constant, or by a draw from a range."""
    async with Emulator(latency=latency) as emulator:
        started = time.monotonic()
        assert await _status(emulator) == 200
        assert time.monotonic() - started >= 0.05


async def test_latency_delays_the_answer_not_its_effect() -> None:
    """A client that gives up on a slow write finds it done: the hard case for retries."""
    async with Emulator(latency=10 * PATIENCE) as emulator, aiohttp.ClientSession() as session:
        headers = {"x-APIKey": emulator.api_key}
        write = asyncio.ensure_future(session.delete(emulator.url + "/sections/5", headers=headers))
        async with asyncio.timeout(PATIENCE):
            while 5 in emulator.sections:
                await asyncio.sleep(0.001)
        assert not write.done()
        write.cancel()
        await asyncio.wait([write])


async def test_the_data_can_be_edited_while_it_runs(serve) -> None:
    """Sections are live, the very objects that were given."""
    section = EmulatedSection(4, "Mine")
    api = await serve(sections=iter([section]))
    section.groups[8] = EmulatedGroup(8, "New", business_ids=("b1",))
    section.name = "Renamed"
    assert (await api.get("/sections/4/groups/8")).body["business_ids"] == ["b1"]
    assert (await api.get("/sections/4")).body["name"] == "Renamed"
    del api.emulator.sections[4]
    assert (await api.get("/sections/4")).status == 404


async def test_the_seed_chooses_the_demo_data() -> None:
    """Two emulators of one seed agree, of two seeds do not."""
    assert Emulator(seed=2).sections == Emulator(seed=2).sections != Emulator().sections


async def test_a_port_in_use_is_one_clear_error() -> None:
    """It names the arguments and the way out, and leaves nothing open."""
    async with Emulator() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        second = Emulator(port=port)
        with pytest.raises(ConfigurationError, match=rf"host, port: cannot listen on '127.0.0.1' port {port} .*port=0"):
            await second.start()
    await second.start()
    await second.stop()


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "a" * 70 + ".invalid"])
async def test_an_address_of_no_interface_is_one_clear_error(host) -> None:
    """Also a name that does not resolve, or that is no name at all."""
    with pytest.raises(ConfigurationError, match="host, port: cannot listen on"):
        await Emulator(host=host).start()


async def test_a_host_open_to_the_network_warns_once(caplog) -> None:
    """It is allowed and logged; its own address stays loopback, so that clients accept it without TLS."""
    with caplog.at_level(logging.INFO, "partoo_async.emulator"):
        async with Emulator(host="0.0.0.0") as emulator:
            assert emulator.server.base_url.startswith("http://127.0.0.1:")
            assert await _status(emulator) == 200
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("partoo_async.emulator", "WARNING")
    assert record.getMessage() == "the emulator listens on 0.0.0.0: it is reachable from the network"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", " 127.0.0.2 "])
async def test_loopback_hosts_do_not_warn(caplog, host) -> None:
    """Whatever they are called."""
    async with Emulator(host=host) as emulator:
        assert await _status(emulator) == 200
    assert not [record for record in caplog.records if record.name.startswith("partoo_async")]


@pytest.mark.parametrize("host", ["::1", "::"])
async def test_it_listens_on_ipv6(host) -> None:
    """The address is bracketed in the URL."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with Emulator(host=host) as emulator:
        assert emulator.url.startswith("http://[::1]:")
        assert await _status(emulator) == 200


def test_an_outer_address_has_a_url_but_is_no_server() -> None:
    """The SDK refuses to send a key over plain http to another machine, the emulator included."""
    emulator = Emulator()
    emulator._listener.announce([("192.0.2.1", 8080)])
    assert emulator.url == "http://192.0.2.1:8080/v2"
    with pytest.raises(ConfigurationError, match="use https"):
        _ = emulator.server


TWICE = [EmulatedSection(1, "A"), EmulatedSection(1, "B")]


@each(
    ("argument", "value", "message"),
    [
        ("window", "hopping", "window: expected 'sliding' or 'fixed' or .*, not 'hopping'"),
        ("window", ["fixed"], "window: expected"),
        ("error_key", "err", "error_key: expected 'errors' or 'error', not 'err'"),
        ("unknown_status", 410, "unknown_status: expected 404 or 403 or 400, not 410"),
        ("rate_limit", 300, "rate_limit: expected RateLimit or None, not int"),
        ("retry_after", "later", "retry_after: expected 'remaining', 'date', 'absent' or a number of seconds"),
        ("retry_after", -1, "retry_after: expected a finite number of seconds at least 0"),
        ("latency", -0.1, "latency: expected a finite number of seconds at least 0"),
        ("latency", float("nan"), "latency: expected a finite number"),
        ("latency", "slow", "latency: expected a number of seconds"),
        ("latency", (0.2, 0.1), r"latency: expected \(low, high\) with low first"),
        ("latency", (1, 2, 3), r"latency: expected seconds or a \(low, high\) pair, not 3 numbers"),
        ("latency", (0, "x"), "latency: expected a number of seconds"),
        ("seed", "x", "seed: expected an int"),
        ("host", "", "host: expected a host of this machine"),
        ("host", None, "host: expected a host of this machine"),
        ("port", -1, "port: expected an int from 1 to 65535, or 0 for a free one"),
        ("port", 65536, "port: expected"),
        ("port", "80", "port: expected"),
        ("port", True, "port: expected"),
        ("api_key", "", "api_key: expected a text of printable ASCII"),
        ("api_key", None, "api_key: expected"),
        ("api_key", "secret\n", "api_key: expected"),
        ("api_key", "clé", "api_key: expected"),
        ("api_keys", "secret", "api_keys: expected several keys, .* not one str"),
        ("api_keys", 5, "api_keys: expected several keys"),
        ("api_keys", ["ok", " secret"], "api_keys: expected a text"),
        ("api_keys", {"ok": "boss"}, "api_keys: expected for each key a role, 'provider' or .*, or an EmulatedKey"),
        ("api_keys", {"provider": "secret"}, "api_keys: expected for each key a role"),
        ("behaviour", "strict", "behaviour: expected Behaviour, not str"),
        ("businesses", "b1", "businesses: expected several EmulatedBusiness objects, not str"),
        ("businesses", ["b1"], "businesses: expected EmulatedBusiness objects, not str"),
        ("businesses", [EmulatedBusiness("b1"), EmulatedBusiness("b1")], "businesses: two of them have the id 'b1'"),
        ("sections", 7, "sections: expected several EmulatedSection objects, not int"),
        ("sections", [7], "sections: expected EmulatedSection objects, not int"),
        ("sections", TWICE, "sections: two of them have the id 1"),
        (
            "sections",
            [EmulatedSection(1, "A", {2: EmulatedGroup(3, "B")})],
            r"no EmulatedGroup of that id .* groups\[2\]",
        ),
        ("sections", [EmulatedSection(1, "A", {2: "B"})], r"no EmulatedGroup of that id .* groups\[2\]"),
    ],
)
def test_a_bad_argument_is_one_clear_error(argument, value, message) -> None:
    """The error names the argument and says what is expected, without an echo of a key."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        Emulator(**{argument: value})
    assert str(caught.value).startswith(f"{argument}:")
    assert "secret" not in str(caught.value)


def test_the_length_of_the_busiest_window_is_checked() -> None:
    """A window of no length holds nothing."""
    with pytest.raises(ConfigurationError, match="per: expected a finite number of seconds above 0"):
        Emulator().busiest_window(0)
