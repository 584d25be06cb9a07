"""Lost databases: one that goes while it is open is saved, one that is missing at the start is not replaced."""

import os
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin.core.errors import StoreUnavailable
from tocsin.store.files import sync_folder

MARKER_TEXT = """tocsin has a database beside this file.
While this file is here, tocsin does not start without that database: an empty one would forget every open incident.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rescue(connection: sqlite3.Connection, path: Path, now: int) -> Path:
    """Copy what an open connection still holds to a file beside the database's old place; return that file.

    ``now``: microseconds since the epoch, for the file's name.

    Raises:
        OSError: The file cannot be written.
        sqlite3.Error: The content cannot be read, or not written.
    """
    at = (_EPOCH + timedelta(microseconds=now)).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.rescued-{at}")
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(unfinished)) as target:
        connection.backup(target)
    unfinished.replace(copy)
    sync_folder(path.parent)
    return copy


def mark(path: Path) -> None:
    """Leave a file that says that there is a database here."""
    marker = _marker(path)
    if not marker.exists():
        marker.write_text(MARKER_TEXT)


def expect_database(path: Path) -> None:
    """Refuse to begin with an empty database where there has been one.

    Raises:
        StoreUnavailable: The database is missing or empty, and other files show that there was one.
    """
    try:
        if path.stat().st_size:
            return
        state = "is empty"
    except FileNotFoundError:
        state = "is missing"
    except OSError:
        return  # the next step says what is wrong with it
    traces = _traces(path)
    if traces:
        names = ", ".join(trace.name for trace in traces)
        raise StoreUnavailable(
            f"{path} {state}, but there was a database ({names}). tocsin did not start: with an empty database it "
            f"would forget every open incident. To restore a copy: {_restoring(path)}. "
            f"To begin with an empty database: {_beginning_anew(path, traces)}"
        )


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.marker")


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _traces(path: Path) -> list[Path]:
    """Return the files that are there only where there was a database."""
    made_after = (_marker(path), path.with_name(f"{path.name}.reserve"))
    traces = [file for file in made_after if file.exists()]
    if _wal(path).exists() and _wal(path).stat().st_size:
        traces.append(_wal(path))
    return [*traces, *_copies(path)]


def _copies(path: Path) -> list[Path]:
    """Return the copies that were saved, the oldest first."""
    return sorted(file for file in path.parent.glob(f"{path.name}.rescued-*") if file.suffix != ".unfinished")


def _restoring(path: Path) -> str:
    copies = _copies(path)
    copy = shlex.quote(str(copies[-1])) if copies else "YOUR_BACKUP"
    # A log that belongs to another file must not be applied to this one.
    aside = f"mv {shlex.quote(str(_wal(path)))} {shlex.quote(f'{_wal(path)}.old')} && " if _wal(path).exists() else ""
    return f"{aside}cp {copy} {shlex.quote(str(path))}"


def _beginning_anew(path: Path, traces: list[Path]) -> str:
    aside = [trace for trace in traces if trace not in _copies(path)]
    moves = [f"mkdir -p {shlex.quote(f'{path}.old')}"] if _copies(path) else []
    moves += [f"mv {shlex.quote(str(copy))} {shlex.quote(f'{path}.old')}/" for copy in _copies(path)]
    removal = [f"rm {' '.join(shlex.quote(str(trace)) for trace in aside)}"] if aside else []
    return " && ".join([*moves, *removal])
