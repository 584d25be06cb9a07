"""A daemon in which C library calls fail on a test's request."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from chaos.siege import Siege, siege
from e2e.processes import binary


class Faults:
    """The switches of `faulty_libc.c`."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "faulty_libc.so"
        self.folder = folder / "faults"
        self.folder.mkdir()
        source = Path(__file__).with_name("faulty_libc.c")
        subprocess.run([binary("cc"), "-shared", "-fPIC", "-o", self.library, source, "-ldl"], check=True)

    @contextmanager
    def on(self, name: str, *, seconds: int = 0) -> Iterator[None]:
        """Let calls of a kind fail, each after so many seconds where the kind waits."""
        switch = self.folder / name
        switch.write_bytes(b"x" * seconds)
        yield
        switch.unlink()


@asynccontextmanager
async def faulty(folder: Path, **settings: Any) -> AsyncIterator[tuple[Siege, Faults]]:
    """Start a daemon on a machine that can be made to fail."""
    faults = Faults(folder)
    environ = {"LD_PRELOAD": str(faults.library), "FAULTS": str(faults.folder)}
    async with siege(folder, environ=environ, **settings) as besieged:
        yield besieged, faults
