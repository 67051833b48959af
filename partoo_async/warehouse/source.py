"""dlt resources of a journal, complete or not. Imports dlt, which takes a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dlt
from attrs import define

from partoo_async.scan.journal.reader import JournalReader, open_reader
from partoo_async.warehouse import scope, tables
from partoo_async.warehouse.survey import survey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from dlt.extract import DltResource, DltSource

    from partoo_async.warehouse.scope import Coverage
    from partoo_async.warehouse.tables import Row, Table

__all__ = ["make_source"]

_PAGE = 1000  # rows


def make_source(
    journal: Callable[[], Awaitable[Path]],
    *,
    name: str,
    organization: str | None,
    history: bool,
    when_done: Callable[[Table, JournalReader], None] = lambda _table, _reader: None,
) -> DltSource:
    """Return a source of every table.

    Args:
        journal: Gives the file of an extraction. Called once in each, in dlt's event loop.
        name: Of the source and its schema.
        organization: What the rows are marked with.
        history: Keep rows that are gone or were changed, with the time until which they were true.
        when_done: Called after the last row of each table, in dlt's event loop.
    """
    once = _Once(journal)
    disposition = {"disposition": "merge", "strategy": "scd2" if history else "delete-insert"}

    def resource(table: Table) -> DltResource:
        async def read() -> AsyncIterator[Any]:
            async with open_reader(await once.path()) as reader:
                coverage = await survey(reader)
                scoped = disposition | {"destination_scope": _scope(table, coverage, organization)}
                # Also without a row the table is made, and what is gone is deleted.
                nothing = dlt.mark.materialize_table_schema()
                yield dlt.mark.with_hints(nothing, dlt.mark.make_hints(write_disposition=scoped))
                page: list[Row] = []
                async for row in _rows(table, reader, coverage):
                    page.append({"organization": organization, **row})
                    if len(page) == _PAGE:
                        yield page
                        page = []
                yield page
                when_done(table, reader)

        hints = table.hints(organization=organization is not None)
        key = [column for column, hint in hints.items() if not hint["nullable"]]
        made = dlt.resource(read, name=table.name, write_disposition=disposition, columns=hints, primary_key=key)
        made.apply_hints(additional_table_hints={"description": table.description})
        return made

    @dlt.source(name=name, max_table_nesting=0)
    def source() -> list[DltResource]:
        return [resource(table) for table in tables.TABLES]

    return source()


@define
class _Once:
    """The journal of an extraction, which its resources share: whichever comes first has it made."""

    make: Callable[[], Awaitable[Path]]
    _loop: asyncio.AbstractEventLoop | None = None
    _turn: asyncio.Lock | None = None
    _path: Path | None = None

    async def path(self) -> Path:
        """Return the file, when it is there."""
        # dlt makes an event loop for each extraction.
        if self._turn is None or self._loop is not asyncio.get_running_loop():
            self._loop, self._turn, self._path = asyncio.get_running_loop(), asyncio.Lock(), None
        async with self._turn:
            if self._path is None:
                self._path = await self.make()
        return self._path


def _scope(table: Table, coverage: Coverage, organization: str | None) -> str:
    if table is tables.SECTIONS:
        return scope.sections_scope(coverage, organization)
    if table is tables.BUSINESSES:
        return scope.businesses_scope(coverage, organization)
    if table is tables.PROBLEMS:
        return scope.organization_scope(organization)
    return scope.groups_scope(coverage, organization, "id" if table is tables.GROUPS else "group_id")


async def _rows(table: Table, reader: JournalReader, coverage: Coverage) -> AsyncIterator[Row]:
    if table is tables.SECTIONS:
        for section_id in coverage.sections:
            if section_id in coverage.listed:
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
