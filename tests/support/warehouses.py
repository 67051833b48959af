"""Databases to load into, what is in them, and what an emulator says should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator


@frozen
class Warehouse:
    """A database of the test's own."""

    url: str
    select: Callable[[str], list[Any]]

    def rows(self, query: str) -> list[Any]:
        """Return what a query gives, in order."""
        return sorted((tuple(row) for row in self.select(query)), key=repr)

    def content(self, where: str = "") -> dict[str, list[Any]]:
        """Return what ``truth`` returns."""
        return {table: self.rows(f"SELECT {columns} FROM {table} {where}") for table, columns in COLUMNS.items()}


COLUMNS = {
    "sections": "id, name",
    "groups": "section_id, id, name, business_count",
    "memberships": "section_id, group_id, business_id",
    "businesses": "id, name, city",
}


def small_organization() -> dict[str, Any]:
    """Return sections 1 to 3 with three groups each, 10, 11, 12, 20 ..., for an emulator. Business f is in none."""
    sections = [
        EmulatedSection(n, f"S{n}", {one: EmulatedGroup(one, f"G{one}", business_ids=[*ids]) for one, ids in groups})
        for n in (1, 2, 3)
        for groups in [((n * 10, "abc"), (n * 10 + 1, "cd"), (n * 10 + 2, "e"))]
    ]
    businesses = [EmulatedBusiness(one, name=f"Shop {one}", city="Lyon") for one in "abcdef"]
    return {"sections": sections, "businesses": businesses, "rate_limit": None}


def truth(emulator: Emulator, org_id: int = 1) -> dict[str, list[Any]]:
    """Return what an organization consists of, by table."""
    sections = [section for section in emulator.sections.values() if section.org_id == org_id]
    groups = [(section.id, group) for section in sections for group in section.groups.values()]
    memberships = {(section_id, group.id, one) for section_id, group in groups for one in group.business_ids}
    businesses = [business for business in emulator.businesses.values() if business.org_id == org_id]
    rows: dict[str, Any] = {
        "sections": [(section.id, section.name) for section in sections],
        "groups": [(key, group.id, group.name, len({*group.business_ids})) for key, group in groups],
        "memberships": memberships,
        "businesses": [(business.id, business.name, business.city) for business in businesses],
    }
    return {table: sorted(found, key=repr) for table, found in rows.items()}


def duckdb_file(folder: Path) -> Warehouse:
    duckdb = pytest.importorskip("duckdb", reason="needs duckdb")
    path = folder / "warehouse.duckdb"

    def select(query: str) -> list[Any]:
        with duckdb.connect(str(path)) as connection:
            connection.execute("USE partoo")
            found: list[Any] = connection.execute(query).fetchall()
            return found

    return Warehouse(f"duckdb:///{path}", select)


def sqlite_file(folder: Path) -> Warehouse:
    path = folder / "warehouse.db"

    def select(query: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    return Warehouse(f"sqlite:///{path}", select)


def postgres_database(server: str, name: str) -> Iterator[Warehouse]:
    psycopg2 = pytest.importorskip("psycopg2", reason="needs psycopg2")

    def run(statement: str) -> None:
        connection = psycopg2.connect(f"{server}/postgres")
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    def select(query: str) -> list[Any]:
        with closing(psycopg2.connect(url, options="-c search_path=partoo")) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            found: list[Any] = cursor.fetchall()
            return found

    run(f'CREATE DATABASE "{name}"')
    url = f"{server}/{name}"
    yield Warehouse(url, select)
    run(f'DROP DATABASE "{name}" WITH (FORCE)')
