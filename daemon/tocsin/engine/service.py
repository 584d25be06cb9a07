"""The base class of the engine's workers: a loop around ``run_once`` with start and stop."""

import asyncio
from abc import ABC, abstractmethod

import structlog

from tocsin.core.duration import SECOND
from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock

COMPLAIN_EVERY = 30.0
"""Seconds between two log lines about an unavailable store."""
CYCLE_PATIENCE = 120.0
"""Seconds that one cycle may take after its pause. A worker that takes longer is stuck."""
WATCHDOG_PATIENCE = 20.0
"""Seconds that one cycle may take after its pause before the watchdog is no longer fed, and systemd restarts tocsin."""

_log = structlog.get_logger("tocsin.engine.service")


class Service(ABC):
    """A worker with its own loop.

    ``start`` and ``stop`` may be called in any order and more than once. An
    unavailable store is retried; any other exception ends the loop, and the
    daemon, which watches `task`, stops: a restart is better than a daemon
    without one of its workers.
    """

    name: str
    longest_pause: float = 1.0
    """Longest sleep in seconds: a wake-up may be lost, and the machine may be suspended."""
    pause_after_failure: float = 0.5

    def __init__(self, clock: Clock, woken: asyncio.Event | None = None) -> None:
        self._clock = clock
        self._woken = woken or asyncio.Event()
        self._stopping = False
        self.task: asyncio.Task[None] | None = None
        self.cycled_at: float | None = None
        """The end of the last cycle by the event loop's clock, which jumps of the wall clock do not affect.

        A cycle that ends because the store is unavailable counts; a hanging call does not.
        """
        self._complained_at: float | None = None

    @property
    def allowance(self) -> float:
        """Return the seconds after which a worker without a finished cycle is stuck.

        Health, the exported metric and the alert TocsinWorkerStuck all use this value.
        """
        return self.longest_pause + CYCLE_PATIENCE

    @property
    def watchdog_allowance(self) -> float:
        """Return the seconds after which a worker without a finished cycle makes the watchdog expire."""
        return self.longest_pause + WATCHDOG_PATIENCE

    @abstractmethod
    async def run_once(self) -> int | None:
        """Do the work that is due; return the time of the next work in microseconds, None if unknown."""

    def start(self) -> None:
        """Start the loop; further calls do nothing."""
        if self.task is None and not self._stopping:
            self.task = asyncio.get_running_loop().create_task(self._run(), name=self.name)

    def wake(self) -> None:
        """Start a cycle now, because data that this worker depends on has changed.

        A call during a cycle starts another cycle after it.
        """
        self._woken.set()

    async def stop(self) -> None:
        """Let the current cycle finish, then end the loop."""
        self._stopping = True
        self._woken.set()
        if self.task is not None:
            await asyncio.wait([self.task])

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                due_at = await self.run_once()
            except StoreUnavailable as error:
                self._complain(error)
                pause = self.pause_after_failure
            else:
                self._complained_at = None
                pause = self._pause_until(due_at)
            self.cycled_at = asyncio.get_running_loop().time()
            await self._pause(pause)

    def _complain(self, error: StoreUnavailable) -> None:
        """Log an unavailable store, rarely: a line for each attempt would fill a disk that may already be full."""
        now = asyncio.get_running_loop().time()
        if self._complained_at is None or now - self._complained_at >= COMPLAIN_EVERY:
            self._complained_at = now
            _log.warning("store_unavailable", worker=self.name, error=str(error))

    def _pause_until(self, due_at: int | None) -> float:
        if due_at is None:
            return self.longest_pause
        return min(self.longest_pause, max(0.0, (due_at - self._clock.now()) / SECOND))

    async def _pause(self, seconds: float) -> None:
        if self._stopping or seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
