"""One night: read, compare, report, load, tell, remember."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeAlias

from attrs import define

from partoo_async._internal.callables import in_daemon, to_its_end, wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.client import PartooClient
from partoo_async.errors import ConfigurationError, ScanError
from partoo_async.nightly.options import SyncOptions, check_targets, naming_report, naming_state
from partoo_async.nightly.reading import read_everything, recorded_report
from partoo_async.nightly.result import SyncResult
from partoo_async.nightly.state import StateDirectory, take_state
from partoo_async.scan.diff import ScanDiff, diff_scans
from partoo_async.scan.journal.baseline import carry_forward
from partoo_async.scan.journal.known import known_ids
from partoo_async.scan.journal.reader import JournalReader, open_reader
from partoo_async.scan.summary import began, write_report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from partoo_async.scan.outcomes import ScanReport


__all__ = ["Deliver", "NotDeliveredError", "run_once"]

_logger = logging.getLogger("partoo_async.nightly")
_EARLY = "the scan ended early: "

Deliver: TypeAlias = "Callable[[ScanDiff], Awaitable[object]]"


class NotDeliveredError(Exception):
    """The receiver of the changes did not take them."""


async def run_once(client: PartooClient, options: SyncOptions, deliver: Deliver | None = None) -> SyncResult:
    """Do what ``sync`` does.

    Args:
        client: An open client.
        options: What to do.
        deliver: Gets what changed, after the load. If it raises, the next run delivers that again.
    """
    await check_targets(options)
    directory = await _take(options, client.server.base_url)
    try:
        with naming_state():
            return await _Run(client, options, directory).run(deliver)
    finally:
        directory.release()


async def _take(options: SyncOptions, server: str) -> StateDirectory:
    taking = asyncio.ensure_future(in_daemon(take_state, options.state, server, options.organization))
    try:
        await wait_uncancelled(taking)
    except asyncio.CancelledError:
        if taking.exception() is None:
            taking.result().release()  # else the thread would have locked it for as long as the process lives
        raise
    return taking.result()


@define
class _Run:
    """One run."""

    client: PartooClient
    options: SyncOptions
    directory: StateDirectory

    async def run(self, deliver: Deliver | None) -> SyncResult:
        """Do all steps, and once more from the beginning if the journal in work cannot be used."""
        try:
            return await self._steps(deliver)
        except ConfigurationError as error:
            theirs = str(error).startswith("journal: the organization has none of the sections in it")
            if not theirs and not _is_spoilt(self.directory.running, error):
                raise
            # Else every run would fail, until it is too old to go on with.
            _logger.warning("nightly: everything is read anew, because %s", error)
        await self._put_aside()
        return await self._steps(deliver)

    async def _steps(self, deliver: Deliver | None) -> SyncResult:
        # Each step can be done twice: a process may die after any, and the next one repeats all but the reading.
        report, early = await self._read()
        running, baseline = self.directory.running, self.directory.baseline
        async with open_reader(running) as recorded:
            problem = early or recorded.businesses_problem
        self.options.on_step("comparing")
        diff = await self._compare(early)
        if self.options.report is not None:
            self.options.on_step("writing the report")
            with naming_report():
                since = None if diff is None else await began(baseline)
                await write_report(running, self.options.report, diff=diff, since=since)
        loaded = await self._load()
        if diff and deliver is not None:
            await self._deliver(deliver, diff, goes_on=bool(early))
        await carry_forward(running, baseline, baseline)
        if not early:
            await self._put_aside()
        return SyncResult(diff, report, loaded, report.complete and not report.failed and not problem, problem)

    async def _deliver(self, deliver: Deliver, diff: ScanDiff, *, goes_on: bool) -> None:
        try:
            await deliver(diff)
        except NotDeliveredError:
            # The next run reads anew, so that a receiver that fails does not hold up the tables. The baseline stays, so
            # that the changes come again.
            if not goes_on:
                await self._put_aside()
            raise

    async def _read(self) -> tuple[ScanReport, str]:
        # The second value: why it ended early, "" if it did not.
        running = self.directory.running
        if not await to_its_end(self.directory.goes_on):
            if running.exists():
                await self._put_aside()
        elif (recorded := await self._recorded()) is not None and recorded.everything_read:
            return await recorded_report(running), ""
        options = self.options
        try:
            report = await read_everything(
                self.client,
                running,
                resume=True,
                strategy=options.strategy,
                verify=options.verify,
                org_id=options.org_id,
                before=self.directory.baseline,
                on_progress=options.on_progress,
                on_scan=options.on_scan,
                on_step=options.on_step,
            )
        except ScanError as error:
            if self.client.closed:
                raise
            if not error.transient:  # the journal cannot be written
                raise ConfigurationError(str(error).removeprefix(_EARLY)) from None
            # What was read until then is told and loaded; the journal stays, to be gone on with.
            return error.report, str(error)
        return report, ""

    async def _compare(self, early: str) -> ScanDiff | None:
        baseline, running = self.directory.baseline, self.directory.running
        if not baseline.exists():
            return None
        try:
            await self._check_organization(early)
            return await diff_scans(baseline, running)
        except ConfigurationError as error:
            if not _is_spoilt(baseline, error):
                raise
            # A job that runs at night heals by itself; for the tables the baseline is of no use.
            _logger.warning("nightly: nothing is compared this time, because %s", error)
        return None

    async def _check_organization(self, early: str) -> None:
        async with open_reader(self.directory.baseline) as before:
            known = before.sections.keys()
        async with open_reader(self.directory.running) as now:
            there = {*now.sections, *(section_id for section_id, *_ in await now.keys())}  # unreadable ones as well
        if early or not known or not there.isdisjoint(known):
            return
        had, has = await known_ids(self.directory.baseline), await known_ids(self.directory.running)
        if there and not {*had.businesses}.isdisjoint(has.businesses):
            return  # the same one, with other sections
        # To load it would delete everything.
        await to_its_end(self.directory.discard)
        if not there:
            raise ConfigurationError(
                f"state: {shown(self.directory.baseline)} has {len(known)} sections, and now the server lists none at"
                " all; if that is right, begin with another directory"
            )
        raise ConfigurationError(
            f"state: the organization has none of the sections in {shown(self.directory.baseline)}, nor of its"
            " businesses; use another directory for another organization"
        )

    async def _load(self) -> dict[str, int]:
        options = self.options
        if options.to is None:
            return {}
        from partoo_async.warehouse.load import load  # noqa: PLC0415 - only for those who load

        options.on_step("loading into the database")
        try:
            return await load(
                self.directory.running,
                options.to,
                folder=self.directory.loading,
                organization=options.organization,
                history=options.history,
                dataset=options.dataset,
            )
        except ConfigurationError as error:
            problem = f"{error}; nothing is lost: started again, it loads without another scan"
        raise ConfigurationError(problem, transient=True)

    async def _recorded(self) -> JournalReader | None:
        try:
            async with open_reader(self.directory.running) as reader:
                return reader
        except ConfigurationError:  # never begun, for one: the scan begins it, or says what is wrong
            return None

    async def _put_aside(self) -> None:
        recorded = await self._recorded()
        await to_its_end(self.directory.put_aside, None if recorded is None else recorded.started, self.options.keep)


def _is_spoilt(journal: Path, error: ConfigurationError) -> bool:
    return any(f"{shown(journal)} {what}" in str(error) for what in ("is damaged", "is not a", "was never begun"))
