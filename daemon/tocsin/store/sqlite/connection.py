"""SQLite connections: opening one, checking a file, and the meaning of errors."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import structlog

from tocsin.core.errors import StoreUnavailable

OLDEST: Final = (3, 37, 0)
"""The oldest supported version of SQLite: the first with STRICT tables."""

WAL_RESET_FIXED: Final = (3, 51, 3)
"""The version that fixed corruption by two concurrent checkpoints; in tocsin, one connection makes all checkpoints."""

BUSY_SECONDS: Final = 5.0
"""Time for which a statement waits for a lock of another connection."""
CHECK_SECONDS: Final = 5.0
"""Time limit of the check for corruption at the start."""

_STATEMENTS_KEPT: Final = 256

_WRITER = (
    # An acknowledged alert must survive a power cut: NORMAL syncs only at checkpoints.
    "PRAGMA synchronous = FULL",
    # A file from another source must not run code.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    # Rows are replaced constantly, and deleted content is no more secret than the current rows.
    "PRAGMA secure_delete = OFF",
    # 128 MiB of log, so that most pages are copied once for many changes. Measured: with 16000 pages, a storm of 50 new
    # incidents per commit took two thirds of the time that it took with 1000 pages. With more than 16000 pages, the
    # throughput of alerts that join a few incidents rises by 3 to 4 %, but the slowest answers get slower (p99 156 ms
    # instead of 122 ms at 26,000 alerts per second). A start after a crash that left 64 MiB of log took 0.25 s longer.
    "PRAGMA wal_autocheckpoint = 32000",
)

_READER = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
    "PRAGMA cache_size = -16384",
)

_TRANSIENT: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Errors of the file, the disk or the machine after which a retry may succeed."""

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_log = structlog.get_logger(__name__)


def code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_harmless(error: sqlite3.Error) -> bool:
    """Return whether the connection can still be used after its transaction is rolled back."""
    return isinstance(error, sqlite3.IntegrityError) or code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)


def connect(path: Path, mode: Literal["rwc", "rw", "ro", "unused"]) -> sqlite3.Connection:
    """Open a connection without implicit transactions.

    Args:
        path: The file.
        mode: ``rwc`` reads, writes and creates the file, ``rw`` reads and writes, ``ro`` reads only, and ``unused``
            reads only and takes no lock (for a file that no process has open).

    Raises:
        sqlite3.Error: The file cannot be opened.
        StoreUnavailable: The file system does not support a write-ahead log.
    """
    is_read_only = mode in ("ro", "unused")
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={'ro&immutable=1' if mode == 'unused' else mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
    )
    connection.text_factory = _text
    try:
        if not is_read_only:
            _use_log(connection, path)
        for pragma in _READER if is_read_only else _WRITER:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(stored: bytes) -> str:
    """Decode text leniently: a damaged byte costs one character; an error would fail every query that reads the row."""
    return stored.decode(errors="replace")


def _use_log(connection: sqlite3.Connection, path: Path) -> None:
    (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise StoreUnavailable(f"{path} does not support a write-ahead log; put the database on a local disk")


def check_version() -> None:
    """Check that the version of SQLite is supported.

    Raises:
        StoreUnavailable: SQLite is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}; tocsin needs {needed} or newer")


def log_opened(path: Path) -> None:
    """Log the path of the open file, and a warning for versions of SQLite before `WAL_RESET_FIXED`."""
    advice = {}
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        advice["advice"] = "do not write this file with another program while tocsin runs"
    _log.info("store_opened", path=str(path), sqlite=sqlite3.sqlite_version, **advice)


def check_file(path: Path, seconds: float = CHECK_SECONDS) -> bool:
    """Check the file for corruption for a limited time, without changing it; return whether the check completed.

    The connection is read-only: a writing one would copy the log into the file when it
    closes and destroy the evidence.

    Raises:
        StoreUnavailable: The file is corrupt or cannot be read.
    """
    if not path.exists() or path.stat().st_size == 0:
        return True
    try:
        connection = connect(path, "ro")
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    # SQLite calls the progress handler between the steps of a statement. The timer is needed because the check of a
    # whole tree is a single step.
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 1_000)
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if code(error) == sqlite3.SQLITE_INTERRUPT:
            return False
        raise unavailable(path, error) from error
    finally:
        timer.cancel()
        timer.join()
        connection.close()
    if finding != "ok":
        raise corrupt(path, finding)
    return True


def corrupt(path: Path, finding: str) -> StoreUnavailable:
    """Return the error for a corrupt file, with instructions for the operator."""
    return StoreUnavailable(
        f"{path} is corrupt ({' '.join(finding.split())}); tocsin has not changed it. Move it aside together with "
        f"{path.name}-wal and {path.name}-shm, keep all three, put the last backup in its place, and start again"
    )


def unavailable(path: Path, error: sqlite3.Error) -> BaseException:
    """Return the store error for an error of SQLite; programming errors are returned unchanged."""
    if code(error) in _CORRUPT:
        return corrupt(path, str(error))
    if code(error) in _TRANSIENT:
        name = getattr(error, "sqlite_errorname", "")
        return StoreUnavailable(f"{path}: {error} ({name})")
    return error
