"""Who shares a quota without asking for it."""

from __future__ import annotations

import asyncio

from partoo_async import PartooClient, Quota
from partoo_async.policy import RateLimit
from partoo_async.quota import shared_quota
from tests.support.virtual import VirtualLoop

LIMIT = RateLimit(10, 2.0)


def test_the_same_identity_limit_and_loop_share() -> None:
    """Two asks for one organization get one quota; an equal limit is the same limit."""
    loop = asyncio.new_event_loop()
    quota = shared_quota(loop, ("server", "key"), LIMIT)
    assert shared_quota(loop, ("server", "key"), RateLimit(10, 2.0)) is quota
    assert quota.rate_limit == LIMIT
    loop.close()


def test_everything_else_is_apart() -> None:
    """Another server, another key, another limit, no limit, a loop with a clock of its own: each has its own."""
    loop, other = asyncio.new_event_loop(), VirtualLoop()
    quotas = [
        shared_quota(loop, ("server", "key"), LIMIT),
        shared_quota(loop, ("other server", "key"), LIMIT),
        shared_quota(loop, ("server", "other key"), LIMIT),
        shared_quota(loop, ("server", "key"), RateLimit(10, 2.0, share=0.5)),
        shared_quota(loop, ("server", "key"), None),
        shared_quota(other, ("server", "key"), LIMIT),
    ]
    assert len({id(quota) for quota in quotas}) == 6
    loop.close()
    other.close()


async def test_clients_of_one_organization_share() -> None:
    """Same server, key and limit: what one client uses is used for the other, whatever else differs between them."""
    server = "http://127.0.0.1:9/v2"
    async with (
        PartooClient("key", server=server, rate_limit=LIMIT) as one,
        PartooClient(" key\n", server=server, rate_limit=LIMIT, timeout=5.0, max_concurrency=2) as two,
        PartooClient("other", server=server, rate_limit=LIMIT) as stranger,
    ):
        assert one.session.quota is two.session.quota
        assert one.session.quota.try_acquire()
        assert (two.quota.used, stranger.quota.used) == (1, 0)


async def test_an_explicit_quota_is_used_by_whoever_is_given_it() -> None:
    """Two keys of one organization share what the caller says they share."""
    quota, server = Quota(LIMIT), "http://127.0.0.1:9/v2"
    async with (
        PartooClient("key", server=server, quota=quota) as one,
        PartooClient("other", server=server, quota=quota) as two,
        PartooClient("key", server=server) as stranger,
    ):
        assert one.session.quota is two.session.quota is quota
        assert quota.try_acquire()
        assert (one.quota.used, two.quota.used, stranger.quota.used) == (1, 1, 0)
