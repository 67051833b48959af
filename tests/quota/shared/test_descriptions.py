"""Where processes share a quota, as values and as URLs."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from partoo_async import ConfigurationError
from partoo_async.quota.shared.descriptions import Description, FileQuota, RedisQuota, description_of, store_name
from tests.support.each import each


@each(
    ("url", "expected"),
    [
        ("file:///var/lib/app/partoo.quota", FileQuota("/var/lib/app/partoo.quota")),
        ("file:///var/lib/a%20b%3F.quota", FileQuota("/var/lib/a b?.quota")),
        ("file://localhost/x.quota?fallback=0.25", FileQuota("/x.quota", fallback=0.25)),
        ("redis://host", RedisQuota("redis://host")),
        (" redis://host/0\n", RedisQuota("redis://host/0")),
        ("rediss://user:pass@[::1]:6380/2", RedisQuota("rediss://user:pass@[::1]:6380/2")),
        ("redis://host?db=3&ssl_cert_reqs=none", RedisQuota("redis://host?db=3&ssl_cert_reqs=none")),
        ("unix:///run/redis.sock?db=2", RedisQuota("unix:///run/redis.sock?db=2")),
        (
            "redis://host/0?name=acme%20inc&db=1&fallback=0.2&timeout=2",
            RedisQuota("redis://host/0?db=1", name="acme inc", fallback=0.2, timeout=2.0),
        ),
        ("unix://user@/run/r.sock?name=acme", RedisQuota("unix://user@/run/r.sock", name="acme")),
    ],
)
def test_a_url_is_a_description(url: str, expected: Description) -> None:
    """What is not for us in the query of a Redis URL is left to redis-py."""
    assert description_of("quota", url) == expected


@each(
    ("url", "problem"),
    [
        ("", "expected a URL: file:///path, redis://"),
        ("host:6379", "expected a URL"),
        ("http://s3cret@host", "expected a URL"),
        ("file:relative.quota", "file:///path/of/the/file, with three slashes"),
        ("file://relative.quota", "with three slashes"),
        ("file:///", "file:///path/of/the/file"),
        ("file:///x?db=s3cret", "file:///path/of/the/file"),
        ("redis://", "names no host"),
        ("redis://:s3cret@/0", "names no host"),
        ("redis://:s3/cret@host/0", "does not parse|names no host|number of the database"),
        ("redis://:s3#cret@host/0", "does not parse|names no host"),
        ("redis://host:s3cret/0", "does not parse"),
        ("redis://[host/0", "does not parse"),
        ("redis://host/s3cret", "number of the database"),
        ("unix://", "names no socket"),
        ("redis://host?fallback=s3cret", "fallback: expected a number"),
        ("redis://host?fallback=2", "fallback: expected a fraction"),
        ("redis://host?timeout=0", "timeout: expected"),
        ("redis://host?name=", "name: expected the name of an organization"),
    ],
)
def test_another_url_is_an_error_that_does_not_repeat_it(url: str, problem: str) -> None:
    """It may hold a password, also where none belongs."""
    with pytest.raises(ConfigurationError, match=f"^PARTOO_QUOTA: .*({problem})") as caught:
        description_of("PARTOO_QUOTA", url)
    assert "cret" not in str(caught.value)


@each(
    ("make", "problem"),
    [
        (lambda: FileQuota(3), "path: expected the path of a file, not int"),
        (lambda: FileQuota(""), "path: .* empty"),
        (lambda: FileQuota("x", fallback=0), "fallback: expected a fraction above 0"),
        (lambda: RedisQuota(3), "url: expected redis://"),
        (lambda: RedisQuota("file:///x"), "url: expected redis://"),
        (lambda: RedisQuota("redis://host", name=7), "name: expected a string, not int"),
        (lambda: RedisQuota("redis://host", name=" "), "name: expected the name of an organization"),
        (lambda: RedisQuota("redis://host", fallback="a"), "fallback: expected a fraction"),
        (lambda: RedisQuota("redis://host", timeout=-1), "timeout: expected"),
    ],
)
def test_an_error_names_the_argument(make: object, problem: str) -> None:
    """And says what is expected of it."""
    assert callable(make)
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        make()


@each(
    ("url", "shown"),
    [
        ("redis://:s3cret@host/0", "redis://***@host/0"),
        ("redis://s3cret@host", "redis://***@host"),
        (
            "rediss://user:s3cret@host:1/0?password=s3cret&db=3&x=s3cret",
            "rediss://***@host:1/0?password=***&db=3&x=***",
        ),
        ("unix://user@/run/redis.sock?password=s3cret", "unix://***@/run/redis.sock?password=***"),
        ("redis://host:6379/0", "redis://host:6379/0"),
    ],
)
def test_no_repr_shows_a_password(url: str, shown: str) -> None:
    """Neither that of the description nor that of its URL."""
    description = RedisQuota(url)
    assert f"url={shown!r}" in repr(description)
    assert repr(description.url) == "'***'"
    assert str(description.url) == url


def test_a_description_that_could_not_be_made_shows_nothing_either() -> None:
    """A crash reporter prints the half-made object."""
    half = RedisQuota.__new__(RedisQuota)
    assert repr(half) == "<RedisQuota being made>"
    object.__setattr__(half, "url", "s3cret://")
    for name, value in (("name", None), ("fallback", 0.1), ("timeout", 1.0)):
        object.__setattr__(half, name, value)
    assert "s3cret" not in repr(half)


def test_descriptions_travel() -> None:
    """Pickled, they are equal on the other side, and still hide the password."""
    for description in (FileQuota(Path("x")), RedisQuota("redis://:s3cret@host", name="acme")):
        again = pickle.loads(pickle.dumps(description))
        assert again == description
        assert hash(again) == hash(description)
        assert "s3cret" not in repr(again)


def test_the_name_in_the_store_tells_nothing() -> None:
    """The same in every process for a server and key, and neither of them can be read from it."""
    one = store_name("https://api.partoo.co/v2", "fingerprint")
    assert re.fullmatch("partoo:quota:[0-9a-f]{32}", one)
    assert one == store_name("https://api.partoo.co/v2", "fingerprint")
    assert len({one, store_name("https://api.sandbox.partoo.co/v2", "fingerprint"), store_name("", "acme")}) == 3
