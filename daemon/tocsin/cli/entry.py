"""The entry point of the console script: `serve` handles signals before it imports anything slow."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        _handle_early_signals()
    from tocsin.cli.main import main as run  # imports click, so only after the signal handlers are set

    run()


def _handle_early_signals() -> None:
    """Exit with 0 if the daemon is asked to stop while it starts, and defer a reload until it has started."""

    def end(_: int, __: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
