"""Protection against the loss of the database file.

If the file is removed while it is open, its content is saved. If the file is missing at the start although there was
a database, no empty file is created.
"""

import os
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin.core.errors import StoreUnavailable
from tocsin.store.sqlite.files import sync_folder

MARKER_TEXT = """There is a tocsin database beside this file.
While this file exists, tocsin does not start without that database: an empty database would lose every open incident.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rescue(connection: sqlite3.Connection, path: Path, now: int) -> Path:
    """Copy the content of an open connection to a file beside the lost database; return the path of the copy.

    ``now`` is in microseconds since the epoch and becomes part of the file's name.

    Raises:
        OSError: The file cannot be written.
        sqlite3.Error: The content cannot be read or written.
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
    """Write the marker file, which records that a database exists at ``path``."""
    marker = _marker(path)
    if not marker.exists():
        marker.write_text(MARKER_TEXT)


def how_to_restore(path: Path, copy: str) -> str:
    """Return the steps that restore a lost database, short enough for an SMS.

    The steps are prose and not a shell command, because it is not known which files will exist at that time. To keep
    the text short, the folder is named only once.
    """
    return (
        f"In {path.parent}: 1) stop tocsin; 2) copy {copy} to {path.name}; "
        f"3) remove {_wal(path).name} if it exists; 4) start tocsin."
    )


def expect_database(path: Path) -> None:
    """Check that an existing database is not about to be replaced by an empty one.

    Raises:
        StoreUnavailable: The database is missing or empty, but other files show that it existed.
    """
    try:
        if path.stat().st_size:
            return
        state = "is empty"
    except FileNotFoundError:
        state = "is missing"
    except OSError:
        return  # the next step reports the error
    traces = _traces(path)
    if traces:
        names = ", ".join(trace.name for trace in traces)
        raise StoreUnavailable(
            f"{path} {state}, but there was a database ({names}). tocsin did not start, because an empty database "
            f"would lose every open incident. To restore a copy: {_restore_command(path)}. "
            f"To begin with an empty database: {_reset_command(path, traces)}"
        )


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.marker")


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _traces(path: Path) -> list[Path]:
    """Return the existing files that prove that there was a database."""
    made_after = (_marker(path), path.with_name(f"{path.name}.reserve"))
    traces = [file for file in made_after if file.exists()]
    if _wal(path).exists() and _wal(path).stat().st_size:
        traces.append(_wal(path))
    return [*traces, *_copies(path)]


def _copies(path: Path) -> list[Path]:
    """Return the rescued copies, oldest first."""
    return sorted(file for file in path.parent.glob(f"{path.name}.rescued-*") if file.suffix != ".unfinished")


def _restore_command(path: Path) -> str:
    copies = _copies(path)
    copy = shlex.quote(str(copies[-1])) if copies else "YOUR_BACKUP"
    # A write-ahead log of another file must not be applied to the copy.
    aside = f"mv {shlex.quote(str(_wal(path)))} {shlex.quote(f'{_wal(path)}.old')} && " if _wal(path).exists() else ""
    return f"{aside}cp {copy} {shlex.quote(str(path))}"


def _reset_command(path: Path, traces: list[Path]) -> str:
    aside = [trace for trace in traces if trace not in _copies(path)]
    moves = [f"mkdir -p {shlex.quote(f'{path}.old')}"] if _copies(path) else []
    moves += [f"mv {shlex.quote(str(copy))} {shlex.quote(f'{path}.old')}/" for copy in _copies(path)]
    removal = [f"rm {' '.join(shlex.quote(str(trace)) for trace in aside)}"] if aside else []
    return " && ".join([*moves, *removal])
