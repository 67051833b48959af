"""The asyncio SDK for the Partoo REST API. An independent project, not affiliated with Partoo."""

from typing import TYPE_CHECKING, Any

from partoo_async import models
from partoo_async._call.deadline import deadline
from partoo_async.client import PartooClient
from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    LostUpdateError,
    NotFoundError,
    PartooError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ScanError,
    UnsupportedMediaTypeError,
)
from partoo_async.policy import Priority, RateLimit, RetryPolicy
from partoo_async.quota import Quota, QuotaSnapshot
from partoo_async.servers import PRODUCTION, SANDBOX, Server
from partoo_async.session import PartooSession

if TYPE_CHECKING:
    __version__: str
    from partoo_async._protocol.raw import RawResponse
    from partoo_async.events import Event, HoldEvent, PauseEvent, RequestEvent, RetryEvent
    from partoo_async.models import *  # noqa: F403 - its ``__all__`` is public
    from partoo_async.nightly.job import sync
    from partoo_async.nightly.result import SyncResult
    from partoo_async.observers import AttemptRecord, CallRecord, Listeners, Observer, ScanRecord, ScanWatch
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.scan import (
        BusinessChange,
        Change,
        GroupChange,
        ManyProgress,
        NotCompared,
        Organization,
        Scan,
        ScanDiff,
        ScanFailure,
        ScanItem,
        ScannedGroup,
        ScannedSection,
        ScanPlan,
        ScanProgress,
        ScanReport,
        ScanSuccess,
        SectionRename,
        Strategy,
        Verify,
        diff_scans,
        scan_many,
    )

__all__ = [
    "APIConnectionError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AttemptRecord",
    "AuthenticationError",
    "BadRequestError",
    "BusinessChange",
    "CallRecord",
    "Change",
    "ClientClosedError",
    "ConfigurationError",
    "DeadlineExceededError",
    "Event",
    "FileQuota",
    "GroupChange",
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
    "SectionRename",
    "Server",
    "Strategy",
    "SyncResult",
    "UnsupportedMediaTypeError",
    "Verify",
    "deadline",
    "diff_scans",
    "scan_many",
    "sync",
]
__all__ += models.__all__

if not TYPE_CHECKING:  # which would take any name for one of the package

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from partoo_async._internal.version import get_version  # noqa: PLC0415 - the metadata is slow to find

            return get_version()
        # Imported on first use: a program that only makes calls does not wait for the modules of scans or listeners.
        rooms = ("events", "observers", "scan")
        if name in rooms or name in __all__:
            from importlib import import_module  # noqa: PLC0415 - at the top it would look like a name of the package

            homes = {room: room for room in rooms} | {"SyncResult": "nightly.result", "sync": "nightly.job"}
            homes["RawResponse"] = "_protocol.raw"
            homes |= dict.fromkeys(("Event", "HoldEvent", "PauseEvent", "RequestEvent", "RetryEvent"), "events")
            homes |= dict.fromkeys(("AttemptRecord", "CallRecord", "ScanRecord", "ScanWatch"), "observers")
            homes |= dict.fromkeys(("Listeners", "Observer"), "observers")
            homes |= dict.fromkeys(("FileQuota", "RedisQuota"), "quota.shared.descriptions")
            homes |= dict.fromkeys(models.__all__, "models")
            home = import_module(f"{__name__}.{homes.get(name, 'scan')}")
            value = globals()[name] = home if name in rooms else getattr(home, name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
