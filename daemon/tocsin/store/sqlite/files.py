"""Files beside a SQLite database: the lock against a second daemon, and the disk space reserve."""

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
"""File systems on which locks do not work across machines, so that two daemons could write one database."""
RESERVE_BYTES = 8 * 1024 * 1024
"""Size of the disk space reserve."""


class FileLock:
    """An exclusive lock on a file. The kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def fd(self) -> int | None:
        """File descriptor that holds the lock, None while not held. A process that inherits it holds the lock, too."""
        return self._fd

    def acquire(self) -> None:
        """Acquire the lock.

        Raises:
            StoreHeld: Another process holds the lock.
            StoreUnavailable: The file cannot be written or locked.
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
                f"another tocsin (process {holder}) holds the lock {self._path}: a SQLite database serves one daemon; "
                "stop that daemon, or give this one another database"
            ) from None
        except OSError as error:
            os.close(fd)
            raise StoreUnavailable(
                f"cannot lock {self._path}: {error.strerror}; put the database on a local disk"
            ) from error
        self._fd = fd
        self._write_pid(fd)

    def _write_pid(self, fd: int) -> None:
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # The lock works without the process id, which only makes the error message of another daemon clearer.
            return

    def release(self) -> None:
        """Release the lock if it is held.

        The file stays: removing it would race with the next process that takes the lock.
        """
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Reserve:
    """A file that reserves disk space, because on a full disk SQLite can neither delete nor checkpoint."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def is_there(self) -> bool:
        """True if the reserve exists at its full size."""
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def make(self) -> bool:
        """Create the reserve if as much free space is left afterwards; return whether the reserve exists."""
        if self.is_there:
            return True
        space = os.statvfs(self._path.parent)
        if space.f_bavail * space.f_frsize < 2 * self._size:
            return False
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            # A sparse file would reserve no space.
            os.posix_fallocate(fd, 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(fd)
        return True

    def drop(self) -> bool:
        """Delete the reserve; return whether that freed space."""
        if not self.is_there:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def hide_from_others(database: Path) -> None:
    """Remove the access of other users (neither owner nor group) to the database and its companion files.

    Earlier versions created these files with the umask of the user who started the daemon.
    """
    for suffix in ("", "-wal", "-shm", ".lock", ".reserve"):
        path = database.with_name(database.name + suffix)
        with suppress(OSError):  # the file does not exist, or belongs to another user, who decides
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & stat.S_IRWXO:
                path.chmod(mode & ~stat.S_IRWXO)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that the names of its files survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a path; "" if ``mounts`` (/proc/self/mounts) does not list it."""
    real = path.resolve()
    depth, file_system = -1, ""
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        folder = Path(re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), point))
        if real.is_relative_to(folder) and len(folder.parts) >= depth:
            depth, file_system = len(folder.parts), kind
    return file_system
