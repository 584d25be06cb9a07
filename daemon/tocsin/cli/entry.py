"""The entry point: before anything that takes time to import, `serve` learns how to stop."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        _end_quietly()
    from tocsin.cli.main import main as run  # click: after the signals

    run()


def _end_quietly() -> None:
    """Have a daemon that is asked to stop while it starts end with 0; a reload waits until it has started."""

    def end(_: int, __: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
