"""The source distributions of the calendar libraries, which carry real calendars in their tests.

They are downloaded once a virtual environment, by the versions and hashes of requirements.lock, and never become a
part of this repository: recurring-ical-events is under the LGPL.
"""

import fcntl
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements.lock"
PACKAGES = ("icalendar", "recurring-ical-events")
DEADLINE = 400.0
"""Seconds for a download, which has pip build the metadata of the package."""


def calendars() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each calendar in the source distributions."""
    for package in PACKAGES:
        with tarfile.open(_sdist(package)) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".ics"):
                    content = archive.extractfile(member)
                    assert content is not None
                    yield member.name, content.read()


def _sdist(package: str) -> Path:
    requirement = _locked(package)
    version = requirement.partition("==")[2].split()[0]
    folder = Path(sys.prefix) / "sdists" / f"{package}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # several workers of one test run want it at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = list(folder.glob("*.tar.gz"))
        return found[0] if found else _downloaded(requirement, folder)


def _downloaded(requirement: str, folder: Path) -> Path:
    """Let pip download and check it; what is built for its metadata is built with the packages of the lock."""
    wanted = folder / "wanted.txt"
    wanted.write_text(requirement)
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--dest", str(folder)]
    pip = [sys.executable, "-m", "pip", "--quiet", "download", *options, "--requirement", str(wanted)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, f"the source distribution could not be downloaded:\n{done.stderr}"
    [sdist] = folder.glob("*.tar.gz")
    return sdist


def _locked(package: str) -> str:
    """Return the lines of a package in requirements.lock: its version and its hashes."""
    found = re.search(rf"^{package}==.*(?:\n    --hash.*)*", LOCK.read_text(), re.MULTILINE)
    assert found is not None, f"{package} is not in requirements.lock"
    return found[0]
