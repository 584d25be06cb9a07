"""Serve, and measure how long the event loop takes to run what is due: ``lag_probe.py FILE ARGUMENTS...``.

A thread asks the loop every few milliseconds to note the time; the delays are written to FILE at the end, in seconds.
"""

import asyncio
import atexit
import json
import sys
import time
from pathlib import Path
from threading import Thread

from tocsin.cli.main import main

EVERY = 0.005
"""Seconds between two samples."""

_lags: list[tuple[float, float]] = []
"""(epoch seconds at which the loop was asked, delay)"""


def sample(loop: asyncio.AbstractEventLoop) -> None:
    """Ask the loop until it is closed."""

    def note(asked: float, at: float) -> None:
        _lags.append((at, time.monotonic() - asked))

    while True:
        try:
            loop.call_soon_threadsafe(note, time.monotonic(), time.time())
        except RuntimeError:  # it is closed
            return
        time.sleep(EVERY)


class Sampled(asyncio.DefaultEventLoopPolicy):
    """Makes event loops that are sampled."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a loop, with a thread that samples it."""
        loop = super().new_event_loop()
        Thread(target=sample, args=(loop,), daemon=True).start()
        return loop


if __name__ == "__main__":
    target = Path(sys.argv[1])
    atexit.register(lambda: target.write_text(json.dumps(_lags)))
    asyncio.set_event_loop_policy(Sampled())
    sys.argv = ["tocsin", "serve", *sys.argv[2:]]
    main()
