"""The tests of the directory: ``pip install '.[testing]'``, then ``pytest`` in this folder.

The fixtures come with the package. Nothing is mocked, and nothing leaves the machine.
"""

import asyncio

import pytest
from directory import build_directory, main

from partoo_async import NotFoundError, PartooClient, RateLimit
from partoo_async.emulator import Emulator

ONE_COUNTRY = "GET /sections/7/groups/42"
ANY_GROUP = "GET /sections/{section}/groups/{group}"


async def test_it_lists_the_shops_of_every_country(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    directory = await build_directory(partoo_client, 7)
    france = partoo_emulator.sections[7].groups[42]
    assert directory.shops["France"] == tuple(france.business_ids)
    assert len(directory.shops) == 24
    assert directory.missing == ()


async def test_it_is_in_the_order_of_names(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    partoo_emulator.sections[7].groups[42].name = "AAA"
    directory = await build_directory(partoo_client, 7)
    assert next(iter(directory.shops)) == "AAA"


async def test_a_country_that_cannot_be_read_is_named(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    partoo_emulator.faults.add("status", status=500, match=ONE_COUNTRY)
    directory = await build_directory(partoo_client, 7)
    assert directory.missing == (42,)
    assert len(directory.shops) == 23
    assert "group 42: not read, try again" in str(directory)


async def test_an_unknown_section_is_an_error(partoo_client: PartooClient) -> None:
    with pytest.raises(NotFoundError):
        await build_directory(partoo_client, 999)


async def test_a_short_rate_limit_loses_nothing(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    fault = partoo_emulator.faults.add("rate_limited", retry_after=0.05, match=ANY_GROUP, times=2)
    directory = await build_directory(partoo_client, 7)
    assert fault.hits == 2
    assert directory.missing == ()


# Ten requests in half a second: 25 requests run into it, and the test ends soon.
@pytest.mark.partoo_emulator(rate_limit=RateLimit(requests=10, per=0.5))
async def test_a_small_quota_only_takes_longer(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    directory = await build_directory(partoo_client, 7)
    assert directory.missing == ()
    assert 429 in [seen.status for seen in partoo_emulator.requests]


@pytest.mark.partoo_emulator(chaos=0.1, seed=2)
async def test_random_faults_lose_nothing(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    directory = await build_directory(partoo_client, 7)
    assert any(seen.fault for seen in partoo_emulator.requests)
    assert directory.missing == ()


@pytest.mark.partoo_emulator(profile="large", groups=50)
async def test_a_large_organization_is_read_in_full(partoo_client: PartooClient, partoo_emulator: Emulator) -> None:
    directory = await build_directory(partoo_client, 1)
    assert len(directory.shops) == len(partoo_emulator.sections[1].groups)


def test_the_command_reads_the_environment(partoo_environment: Emulator) -> None:
    directory = asyncio.run(main("7"))
    assert "France: 147 shops" in str(directory)
    assert len(partoo_environment.requests) == 25
