"""An event loop on virtual time: an hour of the daemon's own workers in seconds.

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(an_hour_of_the_daemon())

When every task waits, the time jumps to the next timer; while a thread started since then is working, it stops. Do not
use it for code that waits for a socket or a process: virtual time does not wait for these.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, TypeVar

from tocsin.testing.clock import VirtualClock

T = TypeVar("T")

_LOOK_EVERY = 0.001
"""Seconds between two looks at whether a thread has finished."""


class _Selector(selectors.DefaultSelector):
    """A selector that skips every wait."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        """Seconds."""
        self._threads = threading.active_count()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or skip ``timeout``."""
        ready = super().select(0)
        while not ready and threading.active_count() > self._threads:
            ready = super().select(_LOOK_EVERY)
        if not ready and timeout is not None:
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that skips every wait. Its time starts at 0."""

    def __init__(self) -> None:
        self._skipping = _Selector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._skipping.skipped

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Call ``func`` at once if it is for the default executor, whose idle threads would stop the virtual time."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the caller gets it, as from a thread
            done.set_exception(error)
        return done


class LoopClock(VirtualClock):
    """A wall clock that advances with the time of the running loop; `advance` and `set` make it jump."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        super().__init__(start)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def now(self) -> int:
        """Return microseconds since the epoch."""
        return super().now() + round((self._loop.time() - self._began) * 1_000_000)

    def set(self, now: int) -> None:
        """Jump to this moment."""
        super().set(now - (self.now() - super().now()))


async def let_pass(seconds: float) -> None:
    """Let virtual time pass; tasks that become due run.

    Raises:
        TypeError: The running loop uses real time.
    """
    if not isinstance(asyncio.get_running_loop(), VirtualLoop):
        raise TypeError("only a VirtualLoop lets time pass")
    await asyncio.sleep(seconds)
