"""dlt resources of a journal, complete or not. Imports dlt, which takes a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import dlt
from attrs import define, field, frozen
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext, StateInjectableContext

from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.reader import JournalReader, open_reader
from partoo_async.warehouse import scope, tables
from partoo_async.warehouse.stepping import stepwise
from partoo_async.warehouse.survey import survey
from partoo_async.warehouse.tables import Table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from dlt.extract import DltResource, DltSource

    from partoo_async.warehouse.scope import Coverage
    from partoo_async.warehouse.tables import Row

__all__ = ["make_source"]

_PAGE = 1000  # rows


def make_source(
    journal: Callable[[], Callable[[], Awaitable[Path]]],
    *,
    name: str,
    organization: str | None,
    history: bool,
    merges: bool = True,
    when_done: Callable[[Table, JournalReader], None] = lambda _table, _reader: None,
) -> DltSource:
    """Return a source of every table.

    Args:
        journal: Called once in an extraction, in the thread of dlt; what it returns gives the file, in another one.
        name: Of the source and its schema.
        organization: What the rows are marked with.
        history: Keep rows that are gone or were changed, with the time until which they were true.
        merges: Whether the destination can delete rows. Else a table that is not known whole is left as it is.
        when_done: Called with a table after its last row, in the thread of dlt.
    """
    maker = _Maker(_Once(journal), organization, history, merges, when_done)

    def resources() -> list[DltResource]:
        return [maker.resource(table) for table in tables.TABLES]

    source: DltSource = dlt.source(resources, name=name, max_table_nesting=0)()
    return source


@frozen
class _Maker:
    """Makes the resources of a source."""

    once: _Once
    organization: str | None
    history: bool
    merges: bool
    when_done: Callable[[Table, JournalReader], None]

    def resource(self, table: Table) -> DltResource:
        """Return the resource of a table."""
        hints = table.hints(organization=self.organization is not None)
        key = [name for name, hint in hints.items() if not hint["nullable"]]
        # Appended is nothing, unless the table is replaced.
        disposition = self._merge() if self.merges else {"disposition": "append"}

        def read() -> Iterator[Any]:
            self._keep_history(table)
            path, rows_format = self.once.begin(), _rows_format()
            for page in stepwise(self._pages(table, path, rows_format)):
                if isinstance(page, JournalReader):
                    self.when_done(table, page)
                else:
                    yield page

        made = dlt.resource(read, name=table.name, write_disposition=disposition, columns=hints, primary_key=key)
        made.apply_hints(additional_table_hints={"description": table.description})
        return made

    def _keep_history(self, table: Table) -> None:
        # Deleting and inserting, dlt would delete it without a word.
        known = dlt.current.source_schema().tables.get(table.name)
        if self.merges and not self.history and known and any("x-valid-to" in one for one in known["columns"].values()):
            raise ConfigurationError(
                "history: the tables keep one, which would be deleted; ask for it again, or use another dataset"
            )

    def _merge(self) -> dict[str, Any]:
        if self.history:
            return {"disposition": "merge", "strategy": "scd2"}
        return {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}

    async def _pages(
        self, table: Table, path: Callable[[], Awaitable[Path]], rows_format: str
    ) -> AsyncGenerator[Any, None]:
        async with open_reader(await path()) as reader:
            coverage = await survey(reader)
            if not self.merges and not _is_known(table, coverage):
                return
            scoped = {"disposition": "replace"}
            if self.merges:
                scoped = self._merge() | {"destination_scope": _scope(table, coverage, self.organization)}
            pages = _in_pages(self.organization, _rows(table, reader, coverage))
            first = await anext(pages, None)
            # Of an empty file, dlt and DuckDB make a row without columns.
            options = {"write_disposition": scoped, "file_format": rows_format if first else "preferred"}
            # Also without a row the table is made, and what is gone is deleted.
            yield dlt.mark.with_hints(first or dlt.mark.materialize_table_schema(), dlt.mark.make_hints(**options))
            async for page in pages:
                yield page
            yield reader


@define
class _Once:
    """The journal of an extraction, which its resources share: whichever comes first has it made."""

    _journal: Callable[[], Callable[[], Awaitable[Path]]]
    _extraction: object = None
    _make: Callable[[], Awaitable[Path]] | None = None
    _path: Path | None = None
    _turn: Lock = field(factory=Lock)

    def begin(self) -> Callable[[], Awaitable[Path]]:
        """Return what gives the file."""
        with self._turn:
            # dlt has another state in each extraction, and none where a source is only looked at.
            container = Container()
            extraction = container[StateInjectableContext].state if StateInjectableContext in container else None
            if self._make is None or extraction is not self._extraction:
                self._extraction, self._make, self._path = extraction, self._journal(), None
        return self._given

    async def _given(self) -> Path:
        # Only where a user has resources read in threads, more than one comes at a time.
        await asyncio.to_thread(self._turn.acquire)
        try:
            if self._path is None and self._make is not None:
                self._path = await self._make()
        finally:
            self._turn.release()
        return cast("Path", self._path)


def _scope(table: Table, coverage: Coverage, organization: str | None) -> str:
    if table is tables.SECTIONS:
        return scope.sections_scope(coverage, organization)
    if table is tables.BUSINESSES:
        return scope.businesses_scope(coverage, organization)
    if table is tables.PROBLEMS:
        return scope.organization_scope(organization)
    return scope.groups_scope(coverage, organization, "id" if table is tables.GROUPS else "group_id")


def _is_known(table: Table, coverage: Coverage) -> bool:
    """Whether every row of a table is known."""
    if table is tables.PROBLEMS:
        return True
    if table is tables.BUSINESSES:
        return coverage.businesses == "all"
    return coverage.whole_sections if table is tables.SECTIONS else coverage.whole_groups


def _rows_format() -> str:
    # As one long INSERT, which is what dlt prefers, DuckDB takes 30 KB of memory and 0.2 ms for a row.
    context = Container()[PipelineContext]
    kind = getattr(context.pipeline().destination, "destination_type", "") if context.is_active() else ""
    return "jsonl" if kind == "dlt.destinations.duckdb" else "preferred"


async def _in_pages(organization: str | None, rows: AsyncIterator[Row]) -> AsyncGenerator[list[Row], None]:
    page: list[Row] = []
    async for row in rows:
        page.append({"organization": organization, **row})
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


async def _rows(table: Table, reader: JournalReader, coverage: Coverage) -> AsyncIterator[Row]:
    if table is tables.SECTIONS:
        for section_id in coverage.listed - coverage.unreadable:
            yield tables.section_row(reader.sections[section_id])
    elif table is tables.BUSINESSES:
        async for business in reader.businesses():
            yield tables.business_row(business)
    elif table is tables.PROBLEMS:
        failures = [item async for item in reader.items() if item.error is not None]
        for row in tables.problem_rows(coverage, failures):
            yield row
    else:
        async for item in reader.items():
            if item.error is None and coverage.has(item.section_id, item.group_id):
                for row in tables.rows_of_group(table, item.section_id, item.group):
                    yield row
