"""The store in a SQLite file.

Rule 1: one thread writes, on one connection; two more read, each on a read-only
connection of its own. Rule 2: a unit of work is one function that runs whole in
its thread, in one transaction; nobody who waits for it can cancel it, because a
cancelled commit is one whose outcome is unknown.

        write(work)                                   read(work)
            |                                             |
            v                                             v
      writer thread: BEGIN IMMEDIATE                reader threads: BEGIN
      work(transaction)                             work(reader)
      COMMIT (one fsync)  ---> the caller goes on   ROLLBACK
"""

import asyncio
import contextlib
import sqlite3
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
from tocsin.store import migrations, rescue, sqlite
from tocsin.store.dialect import Compiler
from tocsin.store.files import (
    NETWORK_FILE_SYSTEMS,
    FileLock,
    Reserve,
    file_system_of,
    hide_from_others,
    sync_folder,
)
from tocsin.store.reader import Shared, SqlReader
from tocsin.store.transaction import SqlTransaction
from tocsin.store.turn import Guest, Turns
from tocsin.store.writer import SqliteWriter, undo

T = TypeVar("T")

READERS = 2

RESERVE_AGAIN_AFTER = 60 * 1_000_000
"""How often a reserve that had to be dropped is tried again, in microseconds."""
RESCUE_WITHIN = 60 * 1_000_000
"""How long a database that was removed is tried to be saved, in microseconds."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Threads:
    writer: ThreadPoolExecutor
    readers: ThreadPoolExecutor
    sender: ThreadPoolExecutor
    """For who shares the writer's turn."""


class SqliteStore:
    """`ports.store.Store` in one file on a local disk, for one daemon."""

    def __init__(self, path: Path, clock: Clock, reserve: Reserve | None = None) -> None:
        self._path = path
        self._clock = clock
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._reserve = reserve or Reserve(path.with_name(path.name + ".reserve"))
        self._reserve_tried_at = 0
        self._inode = -1
        self._threads: _Threads | None = None
        self._idle_readers = SimpleQueue[sqlite3.Connection | None]()
        self._shared = Shared()
        self._engine = sa.create_engine(
            "sqlite+pysqlite://", creator=lambda: sqlite.connect(path, "rwc"), poolclass=sa.pool.NullPool
        )
        sa.event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        self._compiler = Compiler(self._engine.dialect)
        self._writer = SqliteWriter(path, clock, self._compiler, self._shared)
        self._writes = 0
        """Writes of this process that somebody waits for."""
        self._lost_at: int | None = None
        self._rescued: Path | None = None
        self._turns = Turns(self._keep_hold, lambda: self._keep_reserve(self._clock.now()))

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def lock_fd(self) -> int | None:
        """The descriptor that holds the file's lock, for a process of ours that shares it; None unless open."""
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

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See `ports.store.Store`."""
        writing = self._running().writer.submit(self._write, work)
        self._writes += 1
        try:
            return await _outlive(writing)
        finally:
            self._writes -= 1

    def stand_aside(self, start: Callable[[int], None], fail: Callable[[BaseException], None]) -> None:
        """The writer's turn for a process of ours that writes the same file: ``start`` is called with ``now``.

        Nothing of this process writes until `back`, which must be called some time. Who asks while somebody has the
        turn shares it, unless this process has something to write. Both are called in other threads; ``fail`` with what
        kept it from having the turn: `StoreUnavailable`, the file is gone.

        Raises:
            StoreUnavailable: The store is not open.
        """
        threads = self._running()
        guest = Guest(lambda: start(self._clock.now()), fail)
        self._turns.take(guest, threads.writer, threads.sender, is_wanted=self._writes > 0)

    def back(self) -> None:
        """The turn of one who had it is over. From any thread."""
        self._turns.leave()

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See `ports.store.Store`."""
        return await _outlive(self._running().readers.submit(self._read, work))

    async def close(self) -> None:
        """See `ports.store.Store`."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.shield(asyncio.to_thread(self._close, threads))

    def _running(self) -> _Threads:
        if self._threads is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._threads

    # In the writer's thread.

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
            _log.info("the database is too large to be checked whole at the start", path=str(self._path))
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
        # The lock says that nobody else sends: nothing has to wait for the end of its lease.
        self._write(SqlTransaction.end_leases)
        sqlite.log_opened(self._path)

    def _migrate(self) -> None:
        try:
            with self._engine.connect() as connection, connection.begin():
                migrations.upgrade(connection)
        except sa.exc.DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise error.orig from error
            raise

    def _keep_hold(self) -> None:
        """Make sure that what is written reaches the file of that name; save what is held where it does not.

        Raises:
            StoreLost: It does not.
            StoreUnavailable: It cannot be told, or what is held could not be saved yet.
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
                failure = f"{lost}. What it held could not be saved: {error}"
                _log.error("database_not_saved", path=str(self._path), error=str(error))
                # While it is held open it can still be saved; but a daemon that escalates nothing must not go on.
                is_over = now - self._lost_at >= RESCUE_WITHIN
                return StoreLost(failure) if is_over else StoreUnavailable(failure)
            _log.critical("database_lost", reason=str(lost), saved_to=str(self._rescued))
        return StoreLost(f"{lost}. What it held is saved in {self._rescued}" if self._rescued else str(lost))

    def _write(self, work: Callable[[SqlTransaction], T]) -> T:
        self._keep_hold()
        now = self._clock.now()
        try:
            try:
                result = self._writer.write(work)
            except sqlite3.OperationalError as error:
                if sqlite.code(error) != sqlite3.SQLITE_FULL or not self._reserve.drop():
                    raise
                _log.error("the disk is full: the reserve is used to finish what is begun", path=str(self._path))
                result = self._writer.write(work)
        except sqlite3.Error as error:
            raise sqlite.unavailable(self._path, error) from error
        self._keep_reserve(now)
        return result

    def _keep_reserve(self, now: int) -> None:
        if now - self._reserve_tried_at >= RESERVE_AGAIN_AFTER:
            self._reserve_tried_at = now
            if not self._reserve.make():
                _log.warning("no room for the reserve", path=str(self._path))

    # In any of the threads.

    def _read(self, work: Callable[[Reader], T]) -> T:
        self._expect_same_file()
        connection = self._idle_readers.get()
        try:
            connection = connection or sqlite.connect(self._path, "ro")
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            result = work(SqlReader(cursor, self._compiler, self._shared, self._clock.now()))
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
        """Writing into a file that has lost its name would lose every alert that was answered 200."""
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            raise StoreLost(f"{self._path} is gone: it was removed while tocsin was running") from None
        except OSError as error:
            raise StoreUnavailable(f"{self._path} is gone: {error.strerror}") from error
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
            _log.warning("database_on_network_file_system", path=str(path), file_system=kind)


async def _outlive(future: Future[T]) -> T:
    """Wait for what goes on to its end, whether or not it is still waited for."""
    return await asyncio.shield(asyncio.wrap_future(future))
