"""The rounds of ``partoo watch``: a line for each change on standard output, what else there is on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from partoo_async import PartooClient, ScanDiff
from partoo_async.cli.hand_over import hand_over
from partoo_async.cli.output import print_json
from partoo_async.cli.streams import say
from partoo_async.cli.sync_output import failures, summary
from partoo_async.cli.text import clean, json_line
from partoo_async.nightly.names import names_in
from partoo_async.nightly.options import SyncOptions
from partoo_async.nightly.result import SyncResult
from partoo_async.nightly.run import run_once

__all__ = ["Rounds"]


@frozen
class Rounds:
    """Runs rounds with these options; a program gets the lines of each, if there is one."""

    client: PartooClient
    options: SyncOptions
    program: Sequence[str]
    environment: Mapping[str, str]
    quiet: bool

    async def run(self) -> None:
        """Run one."""
        # At all times, not only while interactive calls are made: the first one, in any process, must find it free.
        self.client.session.quota.hold_reserve()
        result = await self._once()
        # All of it was read by a run that was stopped, or could not load it. What has changed since is read now.
        if result.report.items and all(item.recorded for item in result.report.items):
            await self._once()

    async def _once(self) -> SyncResult:
        result = await run_once(self.client, self.options, self._deliver)
        for line in () if self.quiet else summary(result, self.options):
            say(clean(line))
        for line in failures(result):
            say(clean(line))
        return result

    async def _deliver(self, diff: ScanDiff) -> None:
        state = self.options.state
        sections, businesses = await names_in(diff, (state / "running.journal", state / "baseline.journal"))
        time = datetime.now(UTC).isoformat(timespec="seconds")

        def lines() -> Iterator[dict[str, Any]]:
            changes = diff.changes(section_names=sections, business_names=businesses)
            return ({"time": time, **change.to_dict()} for change in changes)

        for line in lines():
            await print_json(line)
        if self.program:
            await hand_over(self.program, (json_line(line).encode() for line in lines()), self.environment)
