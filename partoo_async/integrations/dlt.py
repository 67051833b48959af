"""dlt (extra ``dlt``): the sections, groups and businesses of an organization as a source.

pipeline = dlt.pipeline("stores", destination="duckdb", dataset_name="partoo")
pipeline.run(partoo_source())
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from attrs import define

from partoo_async._call.quotas import hide_url
from partoo_async._internal.callables import in_daemon
from partoo_async._internal.checks import check_file, check_flag, check_id, check_seconds
from partoo_async._internal.secret import protect
from partoo_async._internal.version import install_command
from partoo_async.client import PartooClient
from partoo_async.errors import ScanError
from partoo_async.nightly.reading import read_everything
from partoo_async.scan.inference import Strategy, check_strategy
from partoo_async.scan.journal.reader import JournalReader, open_reader
from partoo_async.warehouse.scope import check_organization, schema_name
from partoo_async.warehouse.tables import BUSINESSES

try:
    import dlt
    from dlt.common.configuration.container import Container
    from dlt.common.pipeline import PipelineContext
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "dlt":
        raise
    raise ModuleNotFoundError(
        f"partoo_async.integrations.dlt needs dlt: {install_command('dlt')}", name=_missing.name
    ) from None

from partoo_async.warehouse.source import make_source

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from dlt.extract import DltSource

    from partoo_async.quota import Quota
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.scan.outcomes import ScanProgress
    from partoo_async.servers import Server
    from partoo_async.warehouse.tables import Table

__all__ = ["partoo_source"]

_logger = logging.getLogger("partoo_async.scan")

_OLDEST = timedelta(days=1)  # of a journal that is gone on with
_OVERLAP = timedelta(hours=1)  # of changes that are read again: clocks differ, and a list takes its time


def partoo_source(
    api_key: str | Callable[[], Awaitable[str]] | None = None,
    *,
    server: Server | str | None = None,
    quota: Quota | FileQuota | RedisQuota | str | None = None,
    organization: int | str | None = None,
    history: bool = False,
    strategy: Strategy = "auto",
    journal: str | os.PathLike[str] | None = None,
    full_pass_every: float = 7 * 86400.0,
) -> DltSource:
    """Return a dlt source with the resources sections, groups, memberships, businesses and _load_problems.

    All of them come from one scan, which the first one begins. What is gone is deleted; what could not be read keeps
    its rows, and is in ``_load_problems``.

    Args:
        api_key: The key, or an async callable that returns it. Default: ``PARTOO_API_KEY``, else the secret
            ``sources.partoo.api_key`` of dlt.
        server: As of ``PartooClient``.
        quota: As of ``PartooClient``.
        organization: What rows are marked with, so that several organizations share a dataset: a name, or for keys of
            the PROVIDER role the id of the one to read.
        history: Keep rows that are gone or were changed, with the time until which they were true (dlt's "scd2").
        strategy: As of ``scan_all``.
        journal: The file that a killed run is resumed from. Default: one in the pipeline's working directory. A run
            that begins anew replaces it.
        full_pass_every: Seconds after which every business is read again; until then, only those that changed.

    Raises:
        ConfigurationError: An argument cannot be used.
    """
    api_key, quota = protect(_secret() if api_key is None else api_key), hide_url(quota)
    marked = check_organization(organization)
    check_strategy(strategy, 20)

    def client() -> PartooClient:
        return PartooClient(api_key, server=server, quota=quota)

    client()  # refuses what cannot be used now, and not in the middle of a pipeline
    reading = _Reading(
        schema_name(marked),
        client,
        None if organization is None or isinstance(organization, str) else check_id("organization", organization),
        strategy,
        None if journal is None else check_file("journal", journal),
        timedelta(seconds=check_seconds("full_pass_every", full_pass_every, zero=True)),
    )
    return make_source(
        reading.begin,
        name=reading.name,
        organization=marked,
        history=check_flag("history", history),
        when_done=reading.note,
    )


def _secret() -> Any:
    if "PARTOO_API_KEY" in os.environ:
        return None  # the client takes it
    # Not dlt.secrets.get(): what that gives is in the trace of the next run.
    for provider in dlt.secrets.config_providers:
        value, _ = provider.get_value("api_key", str, None, "sources", "partoo")
        if value is not None:
            return protect(value)
    return None


@define(eq=False)
class _Reading:
    """Makes the journal of an extraction. What the next one needs to know is in dlt's state of the source."""

    name: str
    client: Callable[[], PartooClient]
    org_id: int | None
    strategy: Strategy
    given: Path | None
    full_pass_every: timedelta

    def begin(self) -> Callable[[], Awaitable[Path]]:
        """Return what makes the journal of this extraction."""
        # Here, since dlt tells other threads nothing of it.
        return partial(self._read, self._path(), dlt.current.source_state(), _progress())

    async def _read(
        self, path: Path, state: dict[str, str], on_progress: Callable[[ScanProgress], None] | None
    ) -> Path:
        """Scan into a journal, or go on with that of a run that was killed, and return it."""
        await _clear(path, state.get("extracted"))
        since = _since(state, self.full_pass_every)
        options: dict[str, Any] = {"strategy": self.strategy, "org_id": self.org_id, "businesses_since": since}
        async with self.client() as client:
            try:
                await read_everything(client, path, resume=True, on_progress=on_progress, **options)
            except ScanError as error:
                async with open_reader(path) as reader:
                    if not reader.sections_listed:
                        raise
                _logger.warning("dlt: what was read is loaded, and the next run goes on: %s", error)
            else:
                async with open_reader(path) as reader:
                    # dlt keeps this with what it extracted, or forgets both.
                    state["extracted"] = reader.started.isoformat()
        return path

    def note(self, table: Table, reader: JournalReader) -> None:
        """Note how far the businesses are known."""
        if table is BUSINESSES and reader.businesses_listed is not None:
            state = dlt.current.source_state()
            state["businesses_since"] = (reader.started - _OVERLAP).isoformat()
            if reader.businesses_listed == "all":
                state["full_pass"] = reader.started.isoformat()

    def _path(self) -> Path:
        if self.given is not None:
            return self.given
        if Container()[PipelineContext].is_active():
            return Path(dlt.current.pipeline().working_dir) / f"{self.name}.journal"
        # The source is only looked at. Not TemporaryDirectory, which warns when nobody closes it.
        folder = tempfile.mkdtemp(prefix="partoo")
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder) / "journal"


async def _clear(path: Path, extracted: str | None) -> None:
    """Remove a journal that dlt has, or that is too old to be gone on with."""
    if not await in_daemon(path.exists):
        return
    async with open_reader(path) as reader:
        started = reader.started
    if started.isoformat() == extracted or datetime.now(UTC) - started > _OLDEST:
        await in_daemon(_remove, path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _since(state: dict[str, str], full_pass_every: timedelta) -> datetime | None:
    if "full_pass" not in state or "businesses_since" not in state:
        return None
    due = datetime.fromisoformat(state["full_pass"]) + full_pass_every
    return None if datetime.now(UTC) >= due else datetime.fromisoformat(state["businesses_since"])


def _progress() -> Callable[[ScanProgress], None] | None:
    if not Container()[PipelineContext].is_active():
        return None
    collector, told = dlt.current.pipeline().collector, 0

    def tell(progress: ScanProgress) -> None:
        nonlocal told
        if progress.total:
            with suppress(Exception):  # it is not started where a source is read without a run
                collector.update("Groups read", inc=progress.done - told, total=progress.total)
            told = progress.done

    return tell
