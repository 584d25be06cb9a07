"""The store in a SQLite file.

Rule 1: the file has one writer at a time: this process's writer thread, on one
connection, or the commit process while it has the writer's turn (`lend_writer`). Two
other threads read, each on its own read-only connection. Rule 2: an operation is one
function, which runs from start to end in the writer thread, in one transaction.
Canceling the caller does not cancel the operation, because the outcome of a canceled
commit would be unknown.

        write(operation)                              read(query)
            |                                             |
            v                                             v
      writer thread: BEGIN IMMEDIATE                reader threads: BEGIN
      operation(transaction)                        query(reader)
      COMMIT (one fsync)  ---> caller continues     ROLLBACK
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import sqlalchemy as sa
import structlog

from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader, Transaction
from tocsin.store import migrations
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared, SqlReader
from tocsin.store.sql.transaction import SqlTransaction
from tocsin.store.sqlite import connection as sqlite
from tocsin.store.sqlite import rescue
from tocsin.store.sqlite.files import (
    NETWORK_FILE_SYSTEMS,
    FileLock,
    Reserve,
    file_system_of,
    hide_from_others,
    sync_folder,
)
from tocsin.store.sqlite.writer import SqliteWriter, undo
from tocsin.store.sqlite.writer_turn import Guest, WriterTurns

T = TypeVar("T")

READERS = 2
"""Number of threads that read."""

RESERVE_AGAIN_AFTER = 60 * 1_000_000
"""Interval of attempts to recreate a dropped reserve, in microseconds."""
RESCUE_WITHIN = 60 * 1_000_000
"""Time for which the rescue of a removed database is retried, in microseconds; then the daemon ends."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Threads:
    writer: ThreadPoolExecutor
    readers: ThreadPoolExecutor
    sender: ThreadPoolExecutor
    """Calls ``start`` for requests of the commit process that share a turn already in progress."""


class SqliteStore:
    """`ports.store.Store` in one file on a local disk, for one daemon."""

    def __init__(self, path: Path, clock: Clock, reserve: Reserve | None = None) -> None:
        self._path = path
        self._clock = clock
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._reserve = reserve or Reserve(path.with_name(path.name + ".reserve"))
        self._reserve_tried_at = 0
        self._inode = -1
        """The inode of the open file, by which a removed or replaced file is noticed; -1 while closed."""
        self._threads: _Threads | None = None
        """None while closed."""
        self._idle_readers = SimpleQueue[sqlite3.Connection | None]()
        self._shared = Shared()
        self._engine = sa.create_engine(
            "sqlite+pysqlite://", creator=lambda: sqlite.connect(path, "rwc"), poolclass=sa.pool.NullPool
        )
        sa.event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        self._compiler = Compiler(self._engine.dialect)
        self._writer = SqliteWriter(path, clock, self._compiler, self._shared)
        self._writes = 0
        """Number of this process's writes that callers are waiting for."""
        self._lost_at: int | None = None
        """The time at which the loss of the file was noticed; None while the file is in place."""
        self._rescued: Path | None = None
        """The copy of the lost file; None if there is none (yet)."""
        self._turns = WriterTurns(self._verify_or_rescue_file, lambda: self._keep_reserve(self._clock.now()))

    @property
    def path(self) -> Path:
        """Path of the database file."""
        return self._path

    @property
    def lock_fd(self) -> int | None:
        """File descriptor of the file's lock, for a child process that shares the lock; None unless open."""
        return self._lock.fd

    @property
    def has_reserve(self) -> bool:
        """See `ports.store.Store`."""
        return self._reserve.is_there

    @property
    def unreadable(self) -> frozenset[str]:
        """See `ports.store.Store`."""
        return self._shared.unreadable

    async def open(self) -> None:
        """See `ports.store.Store`."""
        if self._threads is not None:
            return
        self._threads = _Threads(
            ThreadPoolExecutor(1, thread_name_prefix="tocsin-write"),
            ThreadPoolExecutor(READERS, thread_name_prefix="tocsin-read"),
            ThreadPoolExecutor(1, thread_name_prefix="tocsin-send"),
        )
        try:
            await _outlive(self._threads.writer.submit(self._open))
        except BaseException:
            await self.close()
            raise

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """See `ports.store.Store`."""
        future = self._open_threads().writer.submit(self._write, operation)
        self._writes += 1
        try:
            return await _outlive(future)
        finally:
            self._writes -= 1

    def lend_writer(self, start: Callable[[int], None], fail: Callable[[BaseException], None]) -> None:
        """Lend the writer's turn to a child process that writes the same file.

        During the turn, this process writes nothing. A second request during a turn joins the turn, unless this process
        has something to write. The turn ends when `writer_returned` has been called as often as ``start``.

        Args:
            start: Called with the store's time when the turn begins, in another thread.
            fail: Called instead, also in another thread, with the error that prevented the turn, such as
                `StoreUnavailable`.

        Raises:
            StoreUnavailable: The store is not open.
        """
        threads = self._open_threads()
        guest = Guest(lambda: start(self._clock.now()), fail)
        self._turns.take(guest, threads.writer, threads.sender, is_wanted=self._writes > 0)

    def writer_returned(self) -> None:
        """Report that one use of the turn has ended. Safe to call from any thread."""
        self._turns.leave()

    async def read(self, query: Callable[[Reader], T]) -> T:
        """See `ports.store.Store`."""
        return await _outlive(self._open_threads().readers.submit(self._read, query))

    async def close(self) -> None:
        """See `ports.store.Store`."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.shield(asyncio.to_thread(self._close, threads))

    def _open_threads(self) -> _Threads:
        if self._threads is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._threads

    # The following methods run in the writer's thread.

    def _open(self) -> None:
        sqlite.check_version()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"cannot create the folder {self._path.parent}: {error.strerror}") from error
        self._lock.acquire()
        rescue.expect_database(self._path)
        hide_from_others(self._path)
        _warn_of_network(self._path)
        if not sqlite.check_file(self._path):
            _log.info("database_check_timed_out", path=str(self._path), seconds=sqlite.CHECK_SECONDS)
        try:
            self._writer.open("rwc")
            self._migrate()
            for _ in range(READERS):
                self._idle_readers.put(sqlite.connect(self._path, "ro"))
        except sqlite3.Error as error:
            raise sqlite.unavailable(self._path, error) from error
        try:
            rescue.mark(self._path)
        except OSError as error:
            _log.warning("database_not_marked", path=str(self._path), error=str(error))
        sync_folder(self._path.parent)
        self._inode = self._path.stat().st_ino
        # The lock guarantees that no other daemon is sending, so leases of a previous run can end now.
        self._write(SqlTransaction.end_leases)
        sqlite.log_opened(self._path)

    def _migrate(self) -> None:
        began = time.monotonic()
        try:
            with self._engine.connect() as connection, connection.begin():
                before = migrations.upgrade(connection)
        except sa.exc.DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise error.orig from error
            raise
        if before is not None:
            seconds = round(time.monotonic() - began, 3)
            revisions = {"from_revision": before, "to_revision": migrations.head()}
            _log.info("database_migrated", path=str(self._path), **revisions, seconds=seconds)

    def _verify_or_rescue_file(self) -> None:
        """Check that the open file is still the file at the path; otherwise save the content of the open file.

        Raises:
            StoreLost: The file was removed or replaced.
            StoreUnavailable: The file cannot be checked, or its content could not be saved yet.
        """
        try:
            self._expect_same_file()
        except StoreLost as lost:
            raise self._rescue(lost) from None
        self._lost_at = None

    def _rescue(self, lost: StoreLost) -> StoreUnavailable:
        now = self._clock.now()
        if self._lost_at is None:
            self._lost_at, self._rescued = now, None
        connection = self._writer.connection
        if self._rescued is None and connection is not None:
            try:
                self._rescued = rescue.rescue(connection, self._path, now)
            except (OSError, sqlite3.Error) as error:
                failure = f"What it held could not be saved: {error}"
                _log.error("database_not_saved", path=str(self._path), error=str(error))
                # Retry while the file is open, but only for RESCUE_WITHIN: meanwhile nothing is escalated.
                is_over = now - self._lost_at >= RESCUE_WITHIN
                if not is_over:
                    return StoreUnavailable(f"{lost}. {failure}")
                return StoreLost(lost.what, f"{failure}.", rescue.how_to_restore(self._path, "your last backup"))
            _log.critical("database_lost", reason=str(lost), saved_to=str(self._rescued))
        if self._rescued is None:
            return lost
        saved = f"A copy is saved in {self._path.parent}."
        return StoreLost(lost.what, saved, rescue.how_to_restore(self._path, self._rescued.name))

    def _write(self, operation: Callable[[SqlTransaction], T]) -> T:
        self._verify_or_rescue_file()
        now = self._clock.now()
        try:
            try:
                result = self._writer.write(operation)
            except sqlite3.OperationalError as error:
                if sqlite.code(error) != sqlite3.SQLITE_FULL or not self._reserve.drop():
                    raise
                _log.error("disk_full", path=str(self._path), remedy="dropped the reserve")
                result = self._writer.write(operation)
        except sqlite3.Error as error:
            raise sqlite.unavailable(self._path, error) from error
        self._keep_reserve(now)
        return result

    def _keep_reserve(self, now: int) -> None:
        if now - self._reserve_tried_at >= RESERVE_AGAIN_AFTER:
            self._reserve_tried_at = now
            if not self._reserve.make():
                _log.warning("reserve_not_created", path=str(self._path))

    # The following methods may run in any thread.

    def _read(self, query: Callable[[Reader], T]) -> T:
        self._expect_same_file()
        connection = self._idle_readers.get()
        try:
            connection = connection or sqlite.connect(self._path, "ro")
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            result = query(SqlReader(cursor, self._compiler, self._shared, self._clock.now()))
            cursor.execute("ROLLBACK")
        except BaseException as error:
            if connection is not None and not undo(connection, error):
                connection = None
            if isinstance(error, sqlite3.Error):
                raise sqlite.unavailable(self._path, error) from error
            raise
        finally:
            self._idle_readers.put(connection)
        return result

    def _expect_same_file(self) -> None:
        """Check that the path still refers to the open file.

        Alerts written to a removed file would be lost, although they were answered with 200.

        Raises:
            StoreLost: The file was removed or replaced.
            StoreUnavailable: The file cannot be checked.
        """
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            raise StoreLost(f"{self._path} is gone: it was removed while tocsin was running") from None
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be accessed: {error.strerror}") from error
        if inode != self._inode:
            raise StoreLost(f"{self._path} was replaced by another file while tocsin was running")

    def _close(self, threads: _Threads) -> None:
        threads.readers.shutdown()
        threads.writer.shutdown()
        threads.sender.shutdown()
        while not self._idle_readers.empty():
            reader = self._idle_readers.get()
            if reader is not None:
                reader.close()
        self._writer.close()
        self._engine.dispose()
        self._inode = -1
        self._lock.release()


def _warn_of_network(path: Path) -> None:
    with contextlib.suppress(OSError):
        kind = file_system_of(path, Path("/proc/self/mounts").read_text())
        if kind in NETWORK_FILE_SYSTEMS:
            _log.warning("network_file_system_detected", path=str(path), file_system=kind)


async def _outlive(future: Future[T]) -> T:
    """Wait for a future, which runs to completion even if the caller is canceled."""
    return await asyncio.shield(asyncio.wrap_future(future))
