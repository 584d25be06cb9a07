"""The file system under a database."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tocsin.store.sqlite.files import NETWORK_FILE_SYSTEMS, file_system_of

MOUNTS = r"""/dev/vda / ext4 rw 0 0
proc /proc proc rw 0 0
server:/export /srv/shared nfs4 rw 0 0
tmpfs /srv/shared/scratch tmpfs rw 0 0
//nas/x /srv/with\040space cifs rw 0 0
sshfs /srv/remote fuse.sshfs rw 0 0
broken
"""

READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from conformance.store.samples import HandClock
from tocsin.core.errors import StoreUnavailable
from tocsin.store.sqlite.sqlite_store import SqliteStore

path = Path(sys.argv[1])

async def run():
    store = SqliteStore(path, HandClock())
    await store.open()
    await store.close()
    for file in (path, path.parent):
        file.chmod(0o555)
    if os.getuid() == 0:
        os.setuid(65534)  # root may write whatever the mode says
    try:
        await SqliteStore(path, HandClock()).open()
    except StoreUnavailable as error:
        print(error)

asyncio.run(run())
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/tocsin.db", "ext4"),
        ("/srv/shared/tocsin.db", "nfs4"),
        ("/srv/shared/scratch/tocsin.db", "tmpfs"),
        ("/srv/sharedness/tocsin.db", "ext4"),
        ("/srv/with space/tocsin.db", "cifs"),
        ("/srv/remote/deep/er/tocsin.db", "fuse.sshfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind
    assert (kind in NETWORK_FILE_SYSTEMS) is (kind in ("nfs4", "cifs", "fuse.sshfs"))


def test_without_any_mount_it_is_unknown(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, "") == ""


def test_a_database_that_may_not_be_written_is_refused_by_name() -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"{folder}/data/tocsin.db"],
            env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
    refusal = said.stdout.splitlines()[-1]
    assert "/data/tocsin.db" in refusal, said
    assert any(word in refusal.lower() for word in ("readonly", "permission", "unable")), said
