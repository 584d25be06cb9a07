"""Read-only access to a database that a daemon may have open."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.dialects import sqlite as sqlite_dialect

from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader
from tocsin.store import migrations
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared, SqlReader
from tocsin.store.sqlite import connection as sqlite

T = TypeVar("T")


class SqliteHistory:
    """Reader of a SQLite file that may be in use.

    Each `read` is a separate transaction on a read-only connection, because a long
    transaction would keep SQLite from copying the write-ahead log back. A file
    without a log is open in no other process. It is opened as immutable, so that no
    log is created: a log owned by this user would keep another user's daemon from
    starting.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._log = path.with_name(path.name + "-wal")
        self._compiler = Compiler(sqlite_dialect.dialect())
        self._shared = Shared()

    def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` on a consistent snapshot and return its result.

        Raises:
            StoreUnavailable: The file cannot be read, or its schema is not the one of this version.
        """
        if not self._path.is_file():
            raise StoreUnavailable(f"{self._path} does not exist or is not a file")
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite.connect(self._path, "ro" if self._log.exists() else "unused")
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            self._expect_schema(cursor)
            result = query(SqlReader(cursor, self._compiler, self._shared, self._clock.now()))
            cursor.execute("ROLLBACK")
        except sqlite3.Error as error:
            if sqlite.code(error) == sqlite3.SQLITE_NOTADB:
                raise StoreUnavailable(f"{self._path} is not a tocsin database: {error}") from error
            raise sqlite.unavailable(self._path, error) from error
        finally:
            if connection is not None:
                connection.close()
        return result

    def _expect_schema(self, cursor: sqlite3.Cursor) -> None:
        try:
            revisions = [row[0] for row in cursor.execute("SELECT version_num FROM alembic_version")]
        except sqlite3.OperationalError as error:
            if sqlite.code(error) != sqlite3.SQLITE_ERROR:
                raise
            raise StoreUnavailable(f"{self._path} is not a tocsin database: {error}") from error
        if revisions != [migrations.head()]:
            raise StoreUnavailable(
                f"{self._path} has schema revision {', '.join(map(str, revisions)) or '(none)'}, but this version of "
                f"tocsin reads {migrations.head()}; use the version of tocsin that runs on this database"
            )
