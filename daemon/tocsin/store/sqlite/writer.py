"""The connection that writes a SQLite file, in atomic transactions, one after the other."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import structlog

from tocsin.ports.clock import Clock
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared
from tocsin.store.sql.transaction import SqlTransaction
from tocsin.store.sqlite import connection as sqlite

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class SqliteWriter:
    """The writing connection: runs transactions in the calling thread. SQLite's errors are raised unchanged."""

    def __init__(
        self, path: Path, clock: Clock, compiler: Compiler, shared: Shared, *, syncs_later: bool = False
    ) -> None:
        """Create a writer. With ``syncs_later``, a commit is durable only after the next `sync`."""
        self._path = path
        self._clock = clock
        self._compiler = compiler
        self._shared = shared
        self._syncs_later = syncs_later
        self._log: int | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self, mode: Literal["rwc", "rw"] = "rw") -> sqlite3.Connection:
        """Return the connection, opening it if necessary.

        Raises:
            sqlite3.Error: The file cannot be opened.
            StoreUnavailable: The file system does not support a write-ahead log.
        """
        if self._connection is None:
            self._connection = sqlite.connect(self._path, mode)
            if self._syncs_later:
                # With NORMAL, SQLite itself syncs only at checkpoints. They keep the order of writes to the file.
                self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The open connection, None while closed."""
        return self._connection

    def write(self, operation: Callable[[SqlTransaction], T]) -> T:
        """Run ``operation`` in one transaction and commit it; any exception rolls the transaction back.

        Raises:
            sqlite3.Error: The transaction could not be committed.
        """
        connection = self.open()
        try:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            now = self._clock.now()
            transaction = SqlTransaction(cursor, self._compiler, self._shared, now, sqlite3.IntegrityError)
            result = operation(transaction)
            transaction.expect_whole()
            cursor.execute("COMMIT")
        except BaseException as error:
            if not undo(connection, error):
                self._connection = None
            raise
        return result

    def sync(self) -> None:
        """Wait until all commits, which are in one log, are on disk. Safe to call from any thread.

        Raises:
            OSError: The commits may not be on disk.
        """
        if self._log is None:
            self._log = os.open(f"{self._path}-wal", os.O_RDWR)
        os.fdatasync(self._log)

    def close(self) -> None:
        """Close the connection if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._log is not None:
            os.close(self._log)
            self._log = None


def undo(connection: sqlite3.Connection, error: BaseException) -> bool:
    """Roll back; return False if the connection is no longer reliable and was closed.

    After an I/O error the outcome is unknown, and the page cache may differ from the
    disk.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not isinstance(error, sqlite3.Error) or sqlite.is_harmless(error):
            return True
    except sqlite3.Error:
        _log.warning("rollback_failed", exc_info=True)
    connection.close()
    return False
