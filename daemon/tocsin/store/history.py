"""Reading what a store has kept, without disturbing the daemon that has it open."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.dialects import sqlite as sqlite_dialect

from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader
from tocsin.store import migrations, sqlite
from tocsin.store.dialect import Compiler
from tocsin.store.reader import Shared, SqlReader

T = TypeVar("T")


class SqliteHistory:
    """Reads a SQLite file that may be in use.

    Each `read` is a transaction of its own, on a connection that cannot write:
    a long one would keep the log from being copied back. A file without a log
    belongs to nobody at the moment, and is read without making one: a log made
    by another user than the daemon's would keep that one from starting.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._log = path.with_name(path.name + "-wal")
        self._compiler = Compiler(sqlite_dialect.dialect())
        self._shared = Shared()

    def read(self, work: Callable[[Reader], T]) -> T:
        """Run ``work`` on a consistent snapshot.

        Raises:
            StoreUnavailable: The file cannot be read, or it is not of this version's schema.
        """
        if not self._path.is_file():
            raise StoreUnavailable(f"there is no file {self._path}")
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite.connect(self._path, "ro" if self._log.exists() else "unused")
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            self._expect_schema(cursor)
            result = work(SqlReader(cursor, self._compiler, self._shared, self._clock.now()))
            cursor.execute("ROLLBACK")
        except sqlite3.Error as error:
            if sqlite.code(error) == sqlite3.SQLITE_NOTADB:
                raise StoreUnavailable(f"{self._path} is no database of tocsin's: {error}") from error
            raise sqlite.unavailable(self._path, error) from error
        finally:
            if connection is not None:
                connection.close()
        return result

    def _expect_schema(self, cursor: sqlite3.Cursor) -> None:
        try:
            found = [row[0] for row in cursor.execute("SELECT version_num FROM alembic_version")]
        except sqlite3.OperationalError as error:
            if sqlite.code(error) != sqlite3.SQLITE_ERROR:
                raise
            raise StoreUnavailable(f"{self._path} is no database of tocsin's: {error}") from error
        if found != [migrations.head()]:
            raise StoreUnavailable(
                f"{self._path} has the schema {', '.join(map(str, found)) or 'of nobody'}, and this tocsin reads "
                f"{migrations.head()}: use the tocsin that serves it"
            )
