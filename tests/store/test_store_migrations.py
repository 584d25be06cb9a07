import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from structlog.testing import capture_logs

from conformance.store.samples import HandClock
from tocsin.core.errors import StoreUnavailable
from tocsin.store import migrations
from tocsin.store.migrations import versions
from tocsin.store.sql.tables import METADATA
from tocsin.store.sqlite.sqlite_store import SqliteStore

pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]


def schema(path: Path) -> dict[str, Any]:
    """Return the schema of a file, as SQLAlchemy reads it back."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool)
    seen = sa.inspect(engine)
    found: dict[str, Any] = {}
    for table in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": [{**column, "type": str(column["type"])} for column in seen.get_columns(table)],
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted((each["name"] or "", each["column_names"]) for each in seen.get_unique_constraints(table)),
            "indexes": _indexes(path, table),
            "options": seen.get_table_options(table),
        }
    engine.dispose()
    return found


def _indexes(path: Path, table: str) -> dict[str, str]:
    """The statements that made them: SQLAlchemy cannot read an index on an expression back."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,))
        return {
            name: re.sub(r"[\s()\"]+", " ", sql).replace(" ,", ",").strip() for name, sql in made if sql is not None
        }


async def migrated(path: Path) -> Path:
    store = SqliteStore(path, HandClock())
    await store.open()
    await store.close()
    return path


async def test_an_empty_file_comes_to_the_schema_that_the_tables_describe(tmp_path: Path) -> None:
    path = await migrated(tmp_path / "migrated.db")
    described = sa.create_engine(f"sqlite:///{tmp_path / 'described.db'}", poolclass=sa.pool.NullPool)
    METADATA.create_all(described)

    expected = schema(tmp_path / "described.db")

    assert "incidents" in expected
    assert schema(path) == expected
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == migrations.head()


async def test_the_database_itself_refuses_a_second_open_incident_and_a_wrong_type(tmp_path: Path) -> None:
    connection = sqlite3.connect(await migrated(tmp_path / "tocsin.db"))
    columns = "number, id, dedup_key, state, severity, playbook, service, due_at, plan_sha, body"
    insert = f"INSERT INTO incidents ({columns}) VALUES (?, ?, 'key', ?, '', '', '', ?, '', '')"
    connection.execute(insert, (1, "a", "triggered", 5))
    connection.execute(insert, (2, "b", "resolved", None))
    connection.execute(insert, (3, "c", "resolved", None))
    with pytest.raises(sqlite3.IntegrityError, match="dedup_key"):
        connection.execute(insert, (4, "d", "pending", 5))
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        connection.execute(insert, (5, "e", "resolved", "soon"))
    connection.close()


async def test_a_file_at_the_newest_revision_is_left_alone(tmp_path: Path) -> None:
    with capture_logs() as lines:
        path = await migrated(tmp_path / "tocsin.db")
        before = path.read_bytes()
        await migrated(path)
    assert not [line for line in lines if line["event"] == "database_migrated"], "a new file is not migrated either"
    assert path.read_bytes() == before


async def test_a_file_that_a_newer_version_has_written_is_refused(tmp_path: Path) -> None:
    path = await migrated(tmp_path / "tocsin.db")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreUnavailable, match=r"revision 9999.*newer version"):
        await migrated(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    connection.close()


KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from conformance.store.samples import HandClock
from tocsin.store.sqlite.sqlite_store import SqliteStore

store, left = SqliteStore(Path(sys.argv[1]), HandClock()), int(sys.argv[2])

def count(connection, cursor, statement, parameters, context, many):
    global left
    left -= statement.startswith(("\\nCREATE", "CREATE", "INSERT"))
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(store._engine, "after_cursor_execute", count)
store._open()
"""


@pytest.mark.parametrize("after", [1, 2, 9, 25])
def test_a_kill_in_the_middle_of_a_migration_leaves_nothing_of_it(tmp_path: Path, after: int) -> None:
    path = tmp_path / "tocsin.db"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(after)], env=environment, check=False)
    assert done.returncode == -9
    assert schema(path) == {}
    asyncio.run(migrated(path))
    assert schema(path)


def postgresql_script(build: Callable[[], None]) -> list[str]:
    """Return the statements of a revision for PostgreSQL."""
    said: list[str] = []

    def remember(statement: sa.Executable, *_: object, **__: object) -> None:
        said.append(str(statement.compile(dialect=engine.dialect)))  # type: ignore[attr-defined]

    engine = sa.create_mock_engine("postgresql+psycopg://", remember)
    context = MigrationContext.configure(dialect=engine.dialect, opts={"as_sql": False})
    context.impl._exec = lambda construct, *_, **__: remember(construct)  # type: ignore[method-assign]
    with Operations.context(context):
        build()
    return said


def revision_modules() -> list[str]:
    """The revisions, first one first."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    return [f"{versions.__name__}.{Path(each.path).stem}" for each in reversed(list(scripts.walk_revisions()))]


def added_to_their_tables(statements: list[str]) -> list[str]:
    """The statements, with each column that was added later where its table is created, without what was dropped."""
    found: list[str] = []
    for each in statements:
        if each.strip().startswith("UPDATE "):
            continue
        if dropped := re.fullmatch(r"\s*DROP INDEX (\w+)\s*", each):
            found = [other for other in found if not other.strip().startswith(f"CREATE INDEX {dropped[1]} ")]
            continue
        if dropped := re.fullmatch(r"\s*DROP TABLE (\w+)\s*", each):
            gone = re.compile(rf"\s*CREATE (TABLE {dropped[1]} \(|INDEX \w+ ON {dropped[1]} )")
            found = [other for other in found if not gone.match(other)]
            continue
        added = re.fullmatch(r"\s*ALTER TABLE (\w+) ADD COLUMN (.*?)\s*", each, re.DOTALL)
        if added is None:
            found.append(each)
            continue
        table = next(n for n, other in enumerate(found) if other.strip().startswith(f"CREATE TABLE {added[1]} ("))
        found[table] += f"\n{added[2]}"
    return found


def words(statements: list[str]) -> list[list[str]]:
    """Each statement's parts, whatever their order: a key may stand before or after the columns."""
    return sorted(sorted(part.strip(" \n\t,)") for part in each.split("\n")) for each in statements)


def test_the_revisions_say_to_postgresql_what_the_tables_describe() -> None:
    dialect = postgresql.dialect()
    described: list[str] = []
    for table in METADATA.sorted_tables:
        described.append(str(CreateTable(table).compile(dialect=dialect)))
        described += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]

    revisions = [import_module(name) for name in revision_modules()]
    said = added_to_their_tables([each for revision in revisions for each in postgresql_script(revision.upgrade)])

    assert len(said) == len(described)
    assert words(said) == words(described)
    assert any("WHERE state != 'resolved'" in each for each in said)


async def test_alerts_that_the_first_version_wrote_are_read_with_what_it_did_not_know(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        import_module(f"{versions.__name__}.r0001_first").upgrade()
    named = "source, fingerprint, episode, status, first_seen_at, last_seen_at, starts_at, labels, annotations"
    with sqlite3.connect(path) as connection:
        for fingerprint, labels in (("a", '{"job": "api \\"x\\""}'), ("b", '{"job": "spoilt')):
            connection.execute(
                f"INSERT INTO alerts ({named}, generator_url, severity, trace)"
                " VALUES ('default', ?, 1, 'firing', 1, 1, 7, ?, '{}', 'http://a/\"', 'SEV-1', '[\"everything\"]')",
                (fingerprint, labels),
            )
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.close()
    store = SqliteStore(path, HandClock())
    with capture_logs() as lines:
        await store.open()
    [migration] = [line for line in lines if line["event"] == "database_migrated"]
    assert (migration["from_revision"], migration["to_revision"]) == ("0001", migrations.head())
    assert migration["seconds"] >= 0
    found = await store.read(lambda tx: tx.episode("default", "a", 1))
    await store.close()
    assert found is not None
    assert (found.rules_sha, found.own_labels, found.holds, found.trace) == ("", None, (), ("everything",))
    assert (found.labels, found.annotations) == ({"job": 'api "x"'}, {})
    assert (found.generator_url, found.severity, found.starts_at, found.ends_at) == ('http://a/"', "SEV-1", 7, None)
