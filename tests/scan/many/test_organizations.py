"""What is given to ``scan_many``: checked before anything is sent, told by the organization's name, never by a key."""

from __future__ import annotations

import pickle
import re
import traceback
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import ConfigurationError, Organization, Quota, RateLimit, RedisQuota, scan_many
from partoo_async.scan.many.journals import file_name
from tests.support.agency import Agency, scans_of
from tests.support.each import each
from tests.support.virtual import run_virtual

KEY = "sk-agency-secret-0123456789"


async def fetch(_secret: str) -> str:
    return KEY


GOOD = Organization(KEY)


def given_to_scan_many(organizations: Any) -> BaseException:
    with pytest.raises(ConfigurationError) as caught:
        scan_many(organizations)
    return caught.value


@each(
    ("organizations", "problem"),
    [
        ([GOOD], "organizations: expected a mapping of names to Organization, not list"),
        ({}, "organizations: expected at least one"),
        ({"a": GOOD, "": GOOD}, "organizations: expected a name that is not empty for number 2"),
        ({7: GOOD}, "organizations: expected a name that is not empty for number 1"),
        ({"Été": KEY}, "organizations['Été']: expected an Organization, not str"),
        ({"a": Organization(" ")}, "organizations['a']: api_key: the key is empty"),
        ({"a": Organization(None)}, "organizations['a']: api_key: the key is empty"),  # type: ignore[arg-type]
        ({"a": Organization(b"x")}, "organizations['a']: api_key: expected a string, not bytes"),  # type: ignore[arg-type]
        ({"a": GOOD, "b": Organization(KEY + "\n" + KEY)}, "organizations['b']: api_key: the key holds a space"),
        ({"a": Organization(KEY, [])}, "organizations['a']: section_ids: expected at least one id"),
        ({"a": Organization(KEY, "seven")}, "organizations['a']: section_ids: expected an int, or a string of digits"),
        ({"a": Organization(KEY, [7, -1])}, "organizations['a']: section_ids: expected an id from 0"),
        ({"a": Organization(KEY, None, "x")}, "organizations['a']: org_id: expected an int"),
        ({"a": Organization(KEY, 7, 1)}, "organizations['a']: org_id: goes with all sections"),
        ({"a": GOOD, KEY: Organization("other")}, "organizations: the name of number 2 is an API key"),
    ],
)
def test_bad_organizations(organizations: Any, problem: str) -> None:
    """One clear error for the first of them, whose text has the name and not the key."""
    error = given_to_scan_many(organizations)
    assert str(error).startswith(problem)
    assert KEY not in str(error)
    assert "PARTOO_API_KEY" not in str(error)


@each(
    "organizations",
    [
        {"a": Organization(KEY), "b": Organization(KEY, "x")},
        {"a": Organization(KEY + "\n"), "b": Organization(KEY + " " + KEY)},
        {"a": Organization(partial(fetch, KEY), "x")},
    ],
)
def test_no_frame_of_an_error_holds_a_key(organizations: Any) -> None:
    """A crash reporter that shows local variables shows no key."""
    error = given_to_scan_many(organizations)
    assert error.__traceback__ is not None
    ours = error.__traceback__.tb_next
    while ours is not None and "partoo_async" not in ours.tb_frame.f_code.co_filename:
        ours = ours.tb_next  # those of the test have what the test has
    shown = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    assert KEY not in "".join(shown.format())


def test_a_proxys_password_is_in_no_frame() -> None:
    """Nor is what else may be secret."""
    with pytest.raises(ConfigurationError) as caught:
        proxy, quota = "http://me:pass-word@proxy:3128", "redis://:pass-word@host/0"
        scan_many({"a": GOOD}, proxy=proxy, quota=quota, max_concurrency=0)
    trace = caught.value.__traceback__
    assert trace is not None
    shown = traceback.TracebackException(type(caught.value), caught.value, trace.tb_next, capture_locals=True)
    assert "pass-word" not in "".join(shown.format())


def test_an_organization_shows_no_key() -> None:
    """Its repr hides a key, and what a callable holds; it can be compared, but not pickled with its key."""
    for organization in (Organization(KEY, [7, 9], None), Organization(partial(fetch, KEY))):
        assert KEY not in repr(organization)
    assert repr(Organization(KEY, iter([7, "9"]))) == "Organization(api_key=***, sections=(7, '9'), org_id=None)"
    with pytest.raises(TypeError, match="an API key is not pickled"):
        pickle.dumps(Organization(KEY))
    assert repr(Organization.__new__(Organization)) == "<Organization being made>"


def test_an_iterator_of_sections_is_used_once() -> None:
    """One value of many can be given to several calls."""
    agency = Agency({"a": 3})
    organizations = {"a": Organization("key-of-a", iter([7]))}

    async def main() -> list[int]:
        counts = []
        for _ in range(2):
            agency.closed = False
            counts.append(len([item async for item in scans_of(agency, organizations)]))
        return counts

    assert run_virtual(main()) == [3, 3]


def test_a_live_quota_is_refused() -> None:
    """It is that of one organization, and would be shared by all."""
    with pytest.raises(ConfigurationError, match="quota: each organization has its own; expected"):
        scan_many({"a": GOOD}, quota=Quota(RateLimit()))


@each(
    ("organizations", "quota", "problem"),
    [
        ({"a": GOOD}, "memcached://host", "quota: expected a URL"),
        ({"a": GOOD}, 5, "quota: expected Quota or FileQuota or RedisQuota or str or None, not int"),
        ({"a": GOOD, "b": GOOD}, RedisQuota("redis://host", name="us"), "quota: one name would join all organizations"),
        ({"a": GOOD, "b": GOOD}, "redis://host?name=us", "quota: one name would join all organizations"),
    ],
)
def test_a_quota_for_all(organizations: Any, quota: Any, problem: str) -> None:
    """Each organization has a quota of its own in the place that is described, which must tell them apart."""
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        scan_many(organizations, quota=quota)


def test_a_quota_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``PARTOO_QUOTA`` counts here, too."""
    monkeypatch.setenv("PARTOO_QUOTA", "redis://host?name=us")
    with pytest.raises(ConfigurationError, match="quota: one name would join"):
        scan_many({"a": GOOD, "b": GOOD})
    scan_many({"a": GOOD})


def test_a_bad_server_is_told_at_the_call() -> None:
    """As are all options that a client has."""
    with pytest.raises(ConfigurationError, match="server: "):
        scan_many({"a": GOOD}, server="nowhere")


@each(
    ("name", "expected"),
    [
        ("acme", "acme.db"),
        ("acme-2_b", "acme-2_b.db"),
        ("Acme", r"acme\.[0-9a-f]{16}\.db"),
        ("ACME", r"acme\.[0-9a-f]{16}\.db"),
        ("con", r"con\.[0-9a-f]{16}\.db"),
        ("com1", r"com1\.[0-9a-f]{16}\.db"),
        ("../../etc/passwd", r"etc-passwd\.[0-9a-f]{16}\.db"),
        ("Café & Co / Nord", r"caf-co-nord\.[0-9a-f]{16}\.db"),
        ("株式会社", r"organization\.[0-9a-f]{16}\.db"),
        ("-rf", r"rf\.[0-9a-f]{16}\.db"),
        ("a" * 300, r"a{40}\.[0-9a-f]{16}\.db"),
    ],
)
def test_names_of_journals(name: str, expected: str) -> None:
    """Plain names as they are; others by what is plain in them, and a digest."""
    assert re.fullmatch(expected, file_name(name))


@given(
    st.sets(st.text(st.characters(codec="utf-8"), min_size=1) | st.sampled_from(["a", "A", "ǆ", "ǅ", "a.db", "nul"]))
)
def test_no_two_organizations_have_one_journal(names: set[str]) -> None:
    """Not on a file system that ignores case either, and each name is one that every system allows."""
    files = [file_name(name) for name in names]
    assert len({file.lower() for file in files}) == len(files)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", file) for file in files)
