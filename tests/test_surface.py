"""The public surface: names, signatures and fields that users rely on. A change here is a change for them."""

from __future__ import annotations

import enum
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import partoo_async
from partoo_async import (
    PRODUCTION,
    SANDBOX,
    PartooClient,
    PartooSession,
    Priority,
    RateLimit,
    RetryPolicy,
    emulator,
    exports,
    quota,
    resources,
    testing,
)
from partoo_async import errors as error_tree
from partoo_async.emulator import Emulator
from partoo_async.integrations import asgi, dlt, fastapi, problems
from partoo_async.resources import Businesses, Groups, Sections
from tests.support.each import each

ROOT = Path(__file__).parent.parent

PUBLIC = [
    "APIConnectionError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AttemptRecord",
    "AuthenticationError",
    "BadRequestBody",
    "BadRequestError",
    "BadRequestErrors",
    "Business",
    "BusinessChange",
    "BusinessId",
    "BusinessPage",
    "BusinessSummary",
    "CallRecord",
    "Change",
    "ClientClosedError",
    "ConfigurationError",
    "DeadlineExceededError",
    "Event",
    "FileQuota",
    "ForbiddenBody",
    "ForbiddenErrors",
    "Group",
    "GroupChange",
    "GroupSummary",
    "HoldEvent",
    "InternalServerError",
    "Listeners",
    "LostUpdateError",
    "ManyProgress",
    "NotCompared",
    "NotFoundError",
    "Observer",
    "Organization",
    "PRODUCTION",
    "PartooClient",
    "PartooError",
    "PartooSession",
    "PauseEvent",
    "PermissionDeniedError",
    "Priority",
    "Quota",
    "QuotaExceededError",
    "QuotaSnapshot",
    "RateLimit",
    "RateLimitError",
    "RawResponse",
    "RedisQuota",
    "RequestEvent",
    "RetryEvent",
    "RetryPolicy",
    "SANDBOX",
    "Scan",
    "ScanDiff",
    "ScanError",
    "ScanFailure",
    "ScanItem",
    "ScanPlan",
    "ScanProgress",
    "ScanRecord",
    "ScanReport",
    "ScanSuccess",
    "ScanWatch",
    "ScannedGroup",
    "ScannedSection",
    "Section",
    "SectionPage",
    "SectionRename",
    "Server",
    "Strategy",
    "SyncResult",
    "UnauthenticatedBody",
    "UnauthenticatedErrors",
    "UnsupportedMediaTypeError",
    "Verify",
    "deadline",
    "diff_scans",
    "scan_many",
    "sync",
]

FIELDS = {
    "Attempt": "outcome elapsed request_sent queued wait cause",
    "BadRequestBody": "errors",
    "BadRequestErrors": "json",
    "Business": "id name code status address address_full city zipcode region country org_id groups lat long created"
    " modified extra",
    "BusinessChange": "before after",
    "BusinessPage": "businesses page max_page count",
    "BusinessSummary": "id name code status city",
    "Change": "kind section_id section_name group_id group_name business_id business_name before after",
    "FileQuota": "path fallback",
    "ForbiddenBody": "errors",
    "ForbiddenErrors": "authorization",
    "Group": "id name has_puller business_ids",
    "GroupChange": "section_id before after",
    "GroupSummary": "id name has_puller",
    "HoldEvent": "route seconds error template",
    "ManyProgress": "done failed total rate eta organizations running ended broken paused held retries",
    "NotCompared": "section_id group_id before after",
    "Organization": "api_key sections org_id",
    "PauseEvent": "route seconds template",
    "QuotaSnapshot": "limit per used available waiting waiting_interactive waiting_bulk paused_until paused_for wait "
    "spaced members mode",
    "RateLimit": "requests per reserve pacing share",
    "RawResponse": "status headers body",
    "RedisQuota": "url name fallback timeout",
    "RequestEvent": "route status error elapsed attempt server template",
    "RetryEvent": "route error attempt wait template",
    "RetryPolicy": "max_retries initial_backoff max_backoff",
    "ScanDiff": "sections_added sections_removed sections_renamed groups_added groups_removed groups_changed"
    " groups_compared not_compared incomplete notes businesses",
    "ScanFailure": "section_id group_id group error attempts elapsed recorded inferred businesses",
    "ScanPlan": "sections groups requests seconds recorded strategy",
    "ScanProgress": "done failed total rate eta paused_for held_for held_by quota_wait retries silent_for",
    "ScanReport": "items requests seconds drift retries added deleted complete strategy verified fallback businesses"
    " sections",
    "ScanSuccess": "section_id group_id group error attempts elapsed recorded inferred businesses",
    "ScannedGroup": "section_id group",
    "ScannedSection": "section_id name",
    "Section": "id name groups can_edit has_puller",
    "SectionPage": "sections page max_page count",
    "SectionRename": "section_id before after",
    "Server": "name base_url",
    "SyncResult": "diff report loaded complete problem",
    "UnauthenticatedBody": "errors",
    "UnauthenticatedErrors": "authentication",
}

CLASSES = [getattr(partoo_async, name) for name in PUBLIC if inspect.isclass(getattr(partoo_async, name))]
CLASSES.remove(str)  # BusinessId is another name for it
CLASSES += [
    Businesses,
    Groups,
    Sections,
    *filter(inspect.isclass, (getattr(emulator, name) for name in emulator.__all__)),
]


SEARCH = (
    "per_page=100, ids=None, groups=None, status=None, query=None, name=None, city=None, zipcode=None, country=None, "
    "codes=None, modified_since=None, org_id=None, order_by=None"
)


def signature(function: Any) -> str:
    """Names, kinds and defaults, without the annotations: those are the type checkers' affair."""
    found = inspect.signature(function)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def test_all_is_this_list() -> None:
    """``__all__`` holds exactly these names: none appears or goes by accident."""
    assert sorted(partoo_async.__all__) == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


def test_all_is_there() -> None:
    """Every name of ``__all__`` can be imported, and the whole error tree is among them."""
    assert all(getattr(partoo_async, name, None) is not None for name in partoo_async.__all__)
    assert set(error_tree.__all__) <= set(partoo_async.__all__)


def test_the_package_shows_nothing_else() -> None:
    """Whatever else hangs on the package without an underscore is a module of it, or what ``typing`` lends it."""
    others = {name for name in vars(partoo_async) if not name.startswith("_")} - set(PUBLIC)
    others -= {"Any", "TYPE_CHECKING"}
    assert not [name for name in others if not inspect.ismodule(getattr(partoo_async, name))]


def test_version() -> None:
    """``__version__`` is found on demand, installed or not, and an unknown name is the usual error."""
    assert isinstance(partoo_async.__version__, str)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = partoo_async.nonsense


@each("cls", CLASSES)
def test_public_classes_are_documented(cls: type) -> None:
    """Every public class, and every public method and property of it, has a docstring of its own."""
    bare = [cls.__name__] if not (cls.__doc__ or "").strip() else []
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(function) and not (function.__doc__ or "").strip():
            bare.append(f"{cls.__name__}.{name}")
    assert not bare
    assert emulator.demo_sections.__doc__


@each("cls", [PartooClient, PartooSession])
def test_client_options(cls: type) -> None:
    """The options of a client, their order and their defaults; all but the key by keyword."""
    assert signature(cls) == (
        "(api_key=None, *, server=None, timeout=90.0, attempt_timeout=15.0, "
        "retry=RetryPolicy(max_retries=4, initial_backoff=0.5, max_backoff=20.0), "
        "rate_limit=RateLimit(requests=300, per=60.0, reserve=0.1, pacing='burst', share=1.0), "
        "max_concurrency=32, session=None, proxy=None, trust_env=False, ssl_context=None, on_event=None, "
        "strict=False, cache_ttl=None, quota=None, transport=None)"
    )


@each(
    ("method", "expected"),
    [
        (Groups.get, "(self, section_id, group_id, *, fresh=False)"),
        (Groups.create, "(self, section_id, *, name, business_ids)"),
        (Groups.update, "(self, section_id, group_id, *, name, business_ids)"),
        (Groups.delete, "(self, section_id, group_id)"),
        (Groups.add_businesses, "(self, section_id, group_id, ids)"),
        (Groups.remove_businesses, "(self, section_id, group_id, ids)"),
        (Sections.get, "(self, section_id, *, fresh=False)"),
        (Sections.list, "(self, *, page=1, org_id=None, group_name_query=None)"),
        (Sections.iterate, "(self, *, org_id=None, group_name_query=None)"),
        (Sections.create, "(self, *, name, org_id=None)"),
        (Sections.update, "(self, section_id, *, name)"),
        (Sections.delete, "(self, section_id)"),
        (Businesses.get, "(self, business_id=None, *, code=None, fresh=False)"),
        (Businesses.search, f"(self, *, page=1, {SEARCH})"),
        (Businesses.iterate, f"(self, *, {SEARCH})"),
        (PartooClient.request, "(self, method, path, *, params=None, json=None, idempotent=None, raw=False)"),
        (
            PartooClient.scan,
            "(self, section_ids, *, group_ids=None, max_concurrency=None, max_failures=None, journal=None, "
            "resume=False, retry_failed=True, max_outage=600.0, on_progress=None, businesses=False)",
        ),
        (
            PartooClient.scan_all,
            "(self, org_id=None, *, max_concurrency=None, max_failures=None, journal=None, resume=False, "
            "retry_failed=True, max_outage=600.0, on_progress=None, businesses=False, strategy='groups', verify=20)",
        ),
        (partoo_async.deadline, "(seconds)"),
        (partoo_async.diff_scans, "(before, after)"),
        (
            partoo_async.sync,
            "(client, state, to=None, report=None, strategy='auto', *, verify=20, organization=None, history=False,"
            " dataset='partoo', keep=7, on_progress=None)",
        ),
        (
            partoo_async.scan_many,
            "(organizations, *, server=None, at_once=64, journals=None, resume=False, quota=None, on_progress=None, "
            "retry_failed=True, max_concurrency=8, max_failures=None, max_outage=600.0, businesses=False, "
            "strategy='groups', verify=20, **options)",
        ),
        (partoo_async.Organization, "(api_key, sections=None, org_id=None)"),
        (PartooClient.with_options, "(self, **changes)"),
        (PartooClient.aclose, "(self, *, grace=0.0)"),
        (partoo_async.Scan.aclose, "(self, *, grace=2.0)"),
        (partoo_async.Scan.collect, "(self)"),
        (partoo_async.Scan.report, "(self, items=())"),
        (partoo_async.ScanReport.raise_for_failures, "(self)"),
        (partoo_async.ScanReport.write, "(self, path, *, diff=None, at=None, most=None)"),
    ],
)
def test_methods(method: Any, expected: str) -> None:
    """The parameters of each method. ``business_ids`` has no default: the server's would be every business."""
    assert signature(method) == expected


@each(
    ("cls", "awaited"),
    [
        (Groups, {"get", "create", "update", "delete", "add_businesses", "remove_businesses"}),
        (Sections, {"get", "list", "create", "update", "delete"}),
        (Businesses, {"get", "search"}),
        (PartooClient, {"request", "aclose"}),
        (partoo_async.Scan, {"collect", "aclose"}),
    ],
)
def test_what_is_awaited(cls: type, awaited: set[str]) -> None:
    """These methods are coroutines, and no other public one is; pages of sections come from an async iterator."""
    public = {name: member for name, member in vars(cls).items() if not name.startswith("_")}
    assert {name for name, member in public.items() if inspect.iscoroutinefunction(member)} == awaited
    assert inspect.isasyncgenfunction(inspect.unwrap(Sections.iterate))
    assert inspect.isasyncgenfunction(inspect.unwrap(Businesses.iterate))


@each(("name", "fields"), FIELDS.items())
def test_fields(name: str, fields: str) -> None:
    """The fields of each value, in their order, and that values are frozen and slotted."""
    cls = getattr(partoo_async, name)
    assert [field.name for field in attrs.fields(cls)] == fields.split()
    assert cls.__setattr__ is not object.__setattr__
    assert "__slots__" in vars(cls)


def test_every_value_is_pinned() -> None:
    """No attrs class joins the surface without its fields being written down above."""
    values = {name for name in PUBLIC if inspect.isclass(getattr(partoo_async, name))}
    assert {name for name in values if attrs.has(getattr(partoo_async, name))} == set(FIELDS)


def test_defaults_of_policies() -> None:
    """Four retries from half a second up to 20 s; 300 requests a minute, a tenth of it kept for interactive calls."""
    assert (RetryPolicy().max_retries, RetryPolicy().initial_backoff, RetryPolicy().max_backoff) == (4, 0.5, 20.0)
    limit = RateLimit()
    assert (limit.requests, limit.per, limit.reserve, limit.pacing, limit.share) == (300, 60.0, 0.1, "burst", 1.0)
    assert [priority.name for priority in Priority] == ["INTERACTIVE", "BULK"]


def test_servers() -> None:
    """The two ready servers have the addresses of the official document."""
    assert (PRODUCTION.name, PRODUCTION.base_url) == ("production", "https://api.partoo.co/v2")
    assert (SANDBOX.name, SANDBOX.base_url) == ("sandbox", "https://api.sandbox.partoo.co/v2")


def test_a_scan_shows_its_parts() -> None:
    """Some are properties; the rest has its signature above."""
    public = {name: member for name, member in vars(partoo_async.Scan).items() if not name.startswith("_")}
    properties = sorted(name for name, member in public.items() if isinstance(member, property))
    assert properties == ["businesses", "complete", "plan", "progress", "with_businesses"]
    assert {name for name, member in public.items() if callable(member)} == {"aclose", "collect", "report"}
    assert inspect.get_annotations(partoo_async.Scan.complete.fget, eval_str=True) == {"return": bool}


async def test_the_client_shows_its_parts() -> None:
    """The resources, ``quota``, ``server`` and ``closed`` are there before anything was sent."""
    async with PartooClient("key", server=SANDBOX) as partoo:
        assert isinstance(partoo.groups, Groups)
        assert isinstance(partoo.sections, Sections)
        assert isinstance(partoo.businesses, Businesses)
        assert partoo.server is SANDBOX
        assert partoo.closed is False
        quota = partoo.quota
        assert (quota.limit, quota.per, quota.used, quota.available, quota.waiting) == (300, 60.0, 0, 300, 0)
        assert (quota.paused_until, quota.paused_for) == (None, 0.0)
    assert partoo.closed is True


async def test_the_emulator_shows_its_parts() -> None:
    """``server``, ``url``, ``api_key`` and ``requests``, and the documented quota by default."""
    assert "api_key='emulator-key'" in signature(Emulator)
    assert "rate_limit=RateLimit(requests=300, per=60.0," in signature(Emulator)
    async with Emulator() as server:
        assert server.server.base_url == server.url
        assert server.api_key == "emulator-key"
        assert server.requests == ()


def test_importing_loads_no_extra() -> None:
    """``import partoo_async`` needs the core dependencies alone, and leaves tenacity until a call fails."""
    code = (
        "import sys, partoo_async; "
        "print([name for name in ('typer', 'rich', 'click', 'tenacity', 'redis', 'pyarrow') if name in sys.modules])"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# Made by others, or with the arguments of another class; and what a client calls, not a user.
INTERNAL = {
    "Backend",
    "PartooSession",
    "PartooSession.with_quota",
    "Scan",
    "MockTransport.get_ready",
    "MockTransport.send",
}


def documented() -> Iterator[tuple[str, Any, str]]:
    """Every public function, constructor and method with its docstring."""
    modules = (partoo_async, exports, problems, asgi, fastapi, dlt, resources)
    members = [(name, getattr(module, name)) for module in modules for name in module.__all__]
    members += [("Backend", quota.Backend), ("Quota", quota.Quota), ("Emulator", emulator.Emulator)]
    members += [(name, getattr(testing, name)) for name in ("MockTransport", "make_client", "make_emulator")]
    for name, member in members:
        if inspect.isfunction(member):
            yield name, member, member.__doc__ or ""
        elif inspect.isclass(member) and not issubclass(member, (BaseException, enum.Enum)):
            own = [key for key in vars(member) if not key.startswith("_")]
            for key in own:
                method = getattr(vars(member)[key], "__func__", vars(member)[key])
                if inspect.isfunction(method) and f"{name}.{key}" not in INTERNAL:
                    yield f"{name}.{key}", method, method.__doc__ or ""
            if "__init__" in vars(member) and not attrs.has(member) and name not in INTERNAL:
                yield name, member.__init__, (member.__doc__ or "") + (member.__init__.__doc__ or "")


def test_every_parameter_is_explained() -> None:
    """What takes arguments has a section ``Args:`` with a line for each, so that pages show a table."""
    missing = []
    for name, function, text in documented():
        told = set(re.findall(r"^\s+(\w+): ", text.partition("Args:")[2], re.MULTILINE))
        parameters = inspect.signature(function).parameters.values()
        given = [one.name for one in parameters if one.name not in {"self", "cls"} and one.kind is not one.VAR_KEYWORD]
        missing += [f"{name}({one})" for one in given if one not in told]
    assert missing == []
