"""What lies beside a SQLite file: the lock that keeps a second daemon out, and the reserve for a full disk."""

import fcntl
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from tocsin.core.errors import StoreHeld, StoreUnavailable

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "fuse.sshfs",
        "fuse.s3fs",
    }
)
"""Where locks and shared memory do not hold between machines: two daemons may write one database there."""
RESERVE_BYTES = 8 * 1024 * 1024


class FileLock:
    """An exclusive lock that the kernel drops with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def fd(self) -> int | None:
        """The descriptor that holds it; None where it is not held. A process that inherits it holds it as well."""
        return self._fd

    def acquire(self) -> None:
        """Take it.

        Raises:
            StoreUnavailable: Another process has it, or the file cannot be written.
        """
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"cannot create the lock {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise StoreHeld(
                f"another tocsin (process {holder}) has {self._path}: a SQLite file serves one daemon; "
                "stop that one, or give this one a database of its own"
            ) from None
        except OSError as error:
            os.close(fd)
            raise StoreUnavailable(f"cannot lock {self._path}: {error.strerror}; is it on a local disk?") from error
        self._fd = fd
        self._sign(fd)

    def _sign(self, fd: int) -> None:
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # The lock holds without the number, which only helps whoever reads the refusal.
            return

    def release(self) -> None:
        """Give it back; may be called without having it.

        The file stays: removing it would race with whoever takes the lock next.
        """
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Reserve:
    """Space kept aside, because on a full disk SQLite can neither delete nor check-point."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def is_there(self) -> bool:
        """Whether there is something to drop."""
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def make(self) -> bool:
        """Put it aside where that leaves as much again; returns whether it is there."""
        if self.is_there:
            return True
        room = os.statvfs(self._path.parent)
        if room.f_bavail * room.f_frsize < 2 * self._size:
            return False
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            # A sparse file would keep nothing aside.
            os.posix_fallocate(fd, 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(fd)
        return True

    def drop(self) -> bool:
        """Free it; returns whether that freed anything."""
        if not self.is_there:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def hide_from_others(database: Path) -> None:
    """Remove the access of other users (neither owner nor group) to the database and its companion files.

    A version before this one created them with the umask of the user who started it.
    """
    for suffix in ("", "-wal", "-shm", ".lock", ".reserve"):
        path = database.with_name(database.name + suffix)
        with suppress(OSError):  # it is not there, or belongs to another user, who decides
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & stat.S_IRWXO:
                path.chmod(mode & ~stat.S_IRWXO)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a path; "" where ``mounts`` (/proc/self/mounts) does not say."""
    real = path.resolve()
    best, found = -1, ""
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        folder = Path(re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), point))
        if real.is_relative_to(folder) and len(folder.parts) >= best:
            best, found = len(folder.parts), kind
    return found
