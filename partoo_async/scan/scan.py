"""A scan: every group of some sections, read once each, an outcome for every key."""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from partoo_async._arguments import check_id
from partoo_async._call import Call
from partoo_async._operations import get_group, get_section
from partoo_async.errors import ClientClosedError, ConfigurationError, PartooError, QuotaExceededError, ScanError
from partoo_async.policy import Priority, check_count
from partoo_async.scan.engine import Engine
from partoo_async.scan.report import ScanItem, ScanPlan, ScanProgress, ScanReport

if TYPE_CHECKING:
    from partoo_async.session import PartooSession

__all__ = ["Scan"]

_logger = logging.getLogger("partoo_async.scan")
_Key = tuple[int, int]
_KEPT = 100


class Scan:
    """A bulk scan, made by ``client.scan(...)``; used once: ``async with`` and ``async for``, or ``collect()``."""

    def __init__(
        self,
        session: PartooSession,
        section_ids: int | str | Iterable[int | str],
        *,
        group_ids: Iterable[int | str] | None = None,
        max_concurrency: int | None = None,
        max_failures: int | None = None,
        on_progress: Callable[[ScanProgress], object] | None = None,
    ) -> None:
        self._sections = _check_ids("section_ids", section_ids)
        self._given = None if group_ids is None else _check_ids("group_ids", group_ids)
        if self._given is not None and len(self._sections) != 1:
            raise ConfigurationError(f"group_ids: goes with one section, not with {len(self._sections)}")
        if max_failures is not None:
            check_count("max_failures", max_failures, least=0)
        if max_concurrency is not None:
            check_count("max_concurrency", max_concurrency, least=1)
        if on_progress is not None and not callable(on_progress):
            raise ConfigurationError(f"on_progress: expected a callable, not {type(on_progress).__name__}")
        self._session = session.with_own_drift()
        self._workers = min(max_concurrency or session.concurrency.bulk_limit, session.concurrency.bulk_limit)
        self._max_failures = max_failures
        self._on_progress = on_progress
        self._groups: dict[int, array[int]] = {}
        self._unreadable: list[ScanItem] = []
        self._engine: Engine[_Key, ScanItem] | None = None
        self._plan: ScanPlan | None = None
        self._state = "new"
        self._started = self._ended = self._busy = 0.0
        self._done = self._failed = self._sends = self._calls = 0
        self._kept_failures: list[ScanItem] = []

    def __repr__(self) -> str:
        return f"<Scan of {len(self._sections)} sections, {self._state}, {self._done} outcomes>"

    @property
    def plan(self) -> ScanPlan:
        """What the scan is going to do. Known once the sections are read: inside ``async with``."""
        if self._plan is None:
            raise ConfigurationError("scan.plan: known once the sections are read, inside 'async with scan'")
        return self._plan

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is at this moment. Cheap enough to ask several times a second."""
        total = (self._plan.groups if self._plan else 0) + len(self._unreadable)
        elapsed = (self._ended or self._now()) - self._started
        rate = self._done / elapsed if self._started and elapsed > 0 else 0.0
        left = 0 if self._state == "closed" else total - self._done
        paused = self._session.quota.paused_for() if self._state == "open" else 0.0
        return ScanProgress(self._done, self._failed, total, rate, self._seconds_for(left), paused)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _seconds_for(self, groups: int) -> float:
        """The time that reading so many more groups takes: bound by the quota, or by the answers' speed."""
        if groups <= 0:
            return 0.0
        # An average over the requests alone: their waits for quota are what the forecast is about.
        each = self._busy / self._sends if self._sends else 0.0
        queued = self._session.quota.snapshot().waiting_bulk
        quota = self._session.quota.forecast(Priority.BULK, max(0, groups - queued))
        return max(quota, groups * each / self._workers) + each

    async def __aenter__(self) -> Scan:
        if self._state != "new":
            raise ConfigurationError("scan: a scan is used once; make another with client.scan(...)")
        self._state = "open"
        self._started = self._now()
        try:
            await self._read_sections()
        except BaseException:
            self._state = "closed"
            raise
        groups = sum(len(ids) for ids in self._groups.values())
        reads = 0 if self._given is not None else len(self._sections)
        self._plan = ScanPlan(len(self._sections), groups, groups + reads, self._seconds_for(groups))
        _logger.info("scan: %s", self._plan)
        self._engine = Engine(self._keys(), self._read_group, max(1, min(self._workers, groups)))
        self._engine.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop: nothing more is started, what is in flight is dropped. Safe to call twice."""
        if self._state == "open":
            self._state = "closed"
            self._ended = self._now()
        if self._engine is not None:
            await self._engine.aclose()

    async def _read_sections(self) -> None:
        if self._given is not None:
            self._groups[self._sections[0]] = array("q", self._given)
            return
        engine = Engine(self._sections, self._read_section, min(self._workers, len(self._sections)))
        engine.start()
        try:
            while True:
                await engine.next()
        except StopAsyncIteration:
            pass
        finally:
            await engine.aclose()

    async def _read_section(self, section_id: int) -> None:
        section, item = await self._outcome(get_section(section_id), section_id, None)
        if section is None:
            self._unreadable.append(item)
        else:
            # Eight bytes a group, and each once: the answer's own objects are not kept.
            self._groups[section_id] = array("q", dict.fromkeys(group.id for group in section.groups))

    async def _outcome(self, operation: Any, section_id: int, group_id: int | None) -> tuple[Any, ScanItem]:
        call, started = Call(), self._now()
        value, failure = None, None
        try:
            value = await self._session.send(operation, priority=Priority.BULK, call=call)
        except ClientClosedError:
            raise  # not the fault of this key, and the same for all that follow
        except QuotaExceededError as error:
            # Bulk work waits for as long as it takes, but not for a pause of hours: the rest is not turned into
            # failures one by one.
            raise ScanError(f"the scan ended early: {error}", self.report(self._kept_failures)) from None
        except PartooError as error:
            failure = error.with_traceback(None)  # its frames would keep the whole call alive in a report
        self._calls += 1
        self._sends += call.sends
        self._busy += call.busy
        group = value if group_id is not None else None
        return value, ScanItem(section_id, group_id, group, failure, call.sends, self._now() - started)

    def _keys(self) -> Iterator[_Key]:
        # In the order that the caller gave, whichever section was read first.
        for section_id in self._sections:
            for group_id in self._groups.get(section_id, ()):
                yield section_id, group_id

    async def _read_group(self, key: _Key) -> ScanItem:
        section_id, group_id = key
        _, item = await self._outcome(get_group(section_id, group_id), section_id, group_id)
        return item

    def __aiter__(self) -> Scan:
        if self._engine is None:
            raise ConfigurationError("scan: iterate inside 'async with client.scan(...) as scan', or use collect()")
        return self

    async def __anext__(self) -> ScanItem:
        if self._engine is None or self._state == "closed":
            raise StopAsyncIteration
        if self._max_failures is not None and self._failed > self._max_failures:
            raise self._too_many_failures()
        if self._done < len(self._unreadable):
            item = self._unreadable[self._done]
        else:
            try:
                item = await self._engine.next()
            except StopAsyncIteration:
                await self.aclose()
                raise
        self._done += 1
        if item.error is not None:
            self._failed += 1
            # Enough for the report of a scan that ends early, and no more: memory must not grow with the groups.
            if len(self._kept_failures) <= (_KEPT if self._max_failures is None else self._max_failures):
                self._kept_failures.append(item)
        self._tell()
        return item

    def _tell(self) -> None:
        """Call ``on_progress``. Its errors are logged once and cost no item."""
        if self._on_progress is None:
            return
        try:
            self._on_progress(self.progress)
        except Exception:
            self._on_progress = None
            _logger.exception("on_progress raised and is not called again; the scan goes on")

    def _too_many_failures(self) -> ScanError:
        text = f"the scan ended early: {self._failed} failed, and max_failures={self._max_failures} tolerates no more"
        return ScanError(text, self.report(self._kept_failures))

    def report(self, items: Iterable[ScanItem] = ()) -> ScanReport:
        """Return the figures until now as a report, with the items that the caller kept."""
        seconds = (self._ended or self._now()) - self._started
        retries = max(0, self._sends - self._calls)
        return ScanReport(tuple(items), self._sends, seconds, dict(self._session.drift), retries)

    async def collect(self) -> ScanReport:
        """Run the whole scan and return its report.

        Raises ``ScanError`` when more than ``max_failures`` groups failed; its report has all outcomes until then.
        """
        items: list[ScanItem] = []
        try:
            async with self:
                async for item in self:
                    items.append(item)  # noqa: PERF401 - what came before an error must not be lost
        except ScanError as error:
            raise ScanError(str(error), self.report(items)) from None
        return self.report(items)


def _check_ids(name: str, values: int | str | Iterable[int | str]) -> list[int]:
    """Return ids in the order given, each once."""
    if isinstance(values, (int, str)):
        values = [values]
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"{name}: expected an id or an iterable of ids, not {type(values).__name__}")
    ids = list(dict.fromkeys(check_id(name, value) for value in values))
    if not ids:
        raise ConfigurationError(f"{name}: expected at least one id")
    return ids
