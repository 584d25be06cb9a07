"""The connection that writes a SQLite file: one transaction after the other, each whole or not at all."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import structlog

from tocsin.ports.clock import Clock
from tocsin.store import sqlite
from tocsin.store.dialect import Compiler
from tocsin.store.reader import Shared
from tocsin.store.transaction import SqlTransaction

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class SqliteWriter:
    """Runs work in transactions, in the thread that calls. Its errors are SQLite's own."""

    def __init__(
        self, path: Path, clock: Clock, compiler: Compiler, shared: Shared, *, syncs_later: bool = False
    ) -> None:
        """``syncs_later``: what is committed is on the disk only after the next `sync`, and nobody is told before."""
        self._path = path
        self._clock = clock
        self._compiler = compiler
        self._shared = shared
        self._syncs_later = syncs_later
        self._log: int | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self, mode: Literal["rwc", "rw"] = "rw") -> sqlite3.Connection:
        """The connection; opened where there is none.

        Raises:
            sqlite3.Error: It cannot be opened.
            StoreUnavailable: The file system cannot carry a write-ahead log.
        """
        if self._connection is None:
            self._connection = sqlite.connect(self._path, mode)
            if self._syncs_later:
                # Then only a check-point syncs, as far as SQLite is concerned: so it never breaks the file's order.
                self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The connection where one is open."""
        return self._connection

    def write(self, work: Callable[[SqlTransaction], T]) -> T:
        """Run ``work`` in one transaction and commit it; whatever it raises rolls everything back.

        Raises:
            sqlite3.Error: It could not be committed.
        """
        connection = self.open()
        try:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            now = self._clock.now()
            transaction = SqlTransaction(cursor, self._compiler, self._shared, now, sqlite3.IntegrityError)
            result = work(transaction)
            transaction.expect_whole()
            cursor.execute("COMMIT")
        except BaseException as error:
            if not undo(connection, error):
                self._connection = None
            raise
        return result

    def sync(self) -> None:
        """Wait until whatever has been committed is on the disk: it all stands in one log. From any thread.

        Raises:
            OSError: It may not be.
        """
        if self._log is None:
            self._log = os.open(f"{self._path}-wal", os.O_RDWR)
        os.fdatasync(self._log)

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._log is not None:
            os.close(self._log)
            self._log = None


def undo(connection: sqlite3.Connection, error: BaseException) -> bool:
    """Roll back; returns False where the connection cannot be relied upon any more, and is closed.

    After an error of input or output the outcome is not known, and what is in
    the page cache may not be what is on the disk.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not isinstance(error, sqlite3.Error) or sqlite.is_harmless(error):
            return True
    except sqlite3.Error:
        _log.warning("a transaction could not be rolled back; its connection is closed", exc_info=True)
    connection.close()
    return False
