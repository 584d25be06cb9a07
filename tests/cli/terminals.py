"""The command line on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

SHOUT = [sys.executable, "-c", "from tocsin.cli.main import main; main()"]


def on_a_terminal(columns: int, *arguments: str, **environ: str) -> str:
    """Return what `tocsin ARGUMENTS` prints on a terminal that has so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TERM")}
    with subprocess.Popen(
        [*SHOUT, *arguments], stdout=theirs, stderr=theirs, env=kept | environ | {"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other side has closed it
            pass
        os.close(ours)
        assert process.wait(60) == 0, shown
    return shown.decode().replace("\r\n", "\n")
