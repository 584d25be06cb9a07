"""Each page of a report's records is read through an index, in the index's order."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from conformance.store.samples import HandClock
from tocsin.store.sql import measure_statements as statements
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sqlite.sqlite_store import SqliteStore


@pytest.fixture
async def connection(tmp_path: Path) -> "Iterator[sqlite3.Connection]":  # type: ignore[misc]
    store = SqliteStore(tmp_path / "tocsin.db", HandClock())
    await store.open()
    await store.close()
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (statements.OCCURRENCES_RESOLVED, "occurrences_resolved_at"),
        (statements.FIRST_OCCURRENCE_AT, "occurrences_opened_at"),
        (statements.MEASURED_ENTRIES, "entries_measured"),
        (statements.ACCEPTED_PAGES, "outbox_accepted_pages"),
        (statements.INCIDENTS_WITH_DUTIES, "incidents_with_follow_ups"),
        (statements.incidents_by_id(8), "sqlite_autoindex_incidents_1"),
    ],
)
async def test_it_is_read_through_its_index(connection: sqlite3.Connection, statement: sa.Select, index: str) -> None:  # type: ignore[type-arg]
    sql = Compiler(sqlite.dialect())(statement).sql
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [0] * sql.count("?"))]
    assert [step for step in plan if index not in step] == []
