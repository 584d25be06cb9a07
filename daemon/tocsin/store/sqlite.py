"""SQLite itself: how a connection is made, how a file is checked, and what its errors mean."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import structlog

from tocsin.core.errors import StoreUnavailable

OLDEST: Final = (3, 37, 0)
"""The first with STRICT tables."""

WAL_RESET_FIXED: Final = (3, 51, 3)
"""Before it, two connections that check-point at once could corrupt a file; here only one ever does."""

BUSY_SECONDS: Final = 5.0
CHECK_SECONDS: Final = 5.0

_STATEMENTS_KEPT: Final = 256

_WRITER = (
    # An acknowledged alert must survive a power cut: NORMAL syncs at check-points only.
    "PRAGMA synchronous = FULL",
    # A file that somebody else has written must not run code of its own.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    # Rows are replaced all the time; nothing in them is more secret than the rows that stay.
    "PRAGMA secure_delete = OFF",
    # 128 MiB of log: most pages are copied once for many changes. A storm of 50 new incidents a commit ended in two
    # thirds of the time with 16000 pages that 1000 took. With more than 16000, alerts that join a few incidents are
    # taken 3 to 4 % faster still, and the slowest answers come later (p99 156 ms for 122 at 26,000 alerts a second).
    # A start after a crash that left 64 MiB of log took 0.25 s more.
    "PRAGMA wal_autocheckpoint = 32000",
)

_READER = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
    "PRAGMA cache_size = -16384",
)

_PASSING: Final = frozenset(
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
"""The file, the disk or the machine is at fault, and may recover."""

_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_log = structlog.get_logger(__name__)


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 where Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_harmless(error: sqlite3.Error) -> bool:
    """Whether the connection is as good as before, once its transaction is rolled back."""
    return isinstance(error, sqlite3.IntegrityError) or code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)


def connect(path: Path, mode: Literal["rwc", "rw", "ro", "unused"]) -> sqlite3.Connection:
    """A connection whose transactions are begun and ended by us alone.

    Args:
        path: The file.
        mode: ``rwc`` may create it, ``rw`` writes it, ``ro`` only reads it, ``unused`` only reads it and takes no
            lock: for a file that nobody has open.

    Raises:
        sqlite3.Error: It cannot be opened.
        StoreUnavailable: The file system cannot carry a write-ahead log.
    """
    is_read = mode in ("ro", "unused")
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
        if not is_read:
            _use_log(connection, path)
        for pragma in _READER if is_read else _WRITER:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(kept: bytes) -> str:
    """One byte that the disk has spoilt costs one character, and not every list that its row is in."""
    return kept.decode(errors="replace")


def _use_log(connection: sqlite3.Connection, path: Path) -> None:
    (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise StoreUnavailable(f"{path} cannot have a write-ahead log; is it on a local disk?")


def check_version() -> None:
    """Refuse a SQLite that is too old.

    Raises:
        StoreUnavailable: It is.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}; tocsin needs {needed} or newer")


def log_opened(path: Path) -> None:
    """Log which file is open, and what its operator must leave alone with this version of SQLite."""
    advice = {}
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        advice["advice"] = "do not write this file with another program while tocsin runs"
    _log.info("store_opened", path=str(path), sqlite=sqlite3.sqlite_version, **advice)


def check_file(path: Path, seconds: float = CHECK_SECONDS) -> bool:
    """Look for corruption, for a limited time, without changing the file; returns whether it was checked whole.

    The connection is read-only because another one would write the log back
    into the file when it closes, over the evidence.

    Raises:
        StoreUnavailable: The file is corrupt, or cannot be read.
    """
    if not path.exists() or path.stat().st_size == 0:
        return True
    try:
        connection = connect(path, "ro")
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    # SQLite asks the handler between the steps of a statement; its walk through a tree is one step: hence the timer.
    ends = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > ends), 1_000)
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
    """The error for a file that is corrupt: what to do, and what not to lose."""
    return StoreUnavailable(
        f"{path} is corrupt ({' '.join(finding.split())}). It was left as it is. Move it aside together with "
        f"{path.name}-wal and {path.name}-shm, keep all three, put the last backup in its place, and start again"
    )


def unavailable(path: Path, error: sqlite3.Error) -> BaseException:
    """What an error of SQLite means to those above the store; a mistake of ours stays as it is."""
    if code(error) in _BROKEN:
        return corrupt(path, str(error))
    if code(error) in _PASSING:
        name = getattr(error, "sqlite_errorname", "")
        return StoreUnavailable(f"{path}: {error} ({name})")
    return error
