"""What every long-lived part of the engine is: a loop around ``run_once``, started and stopped alike."""

import asyncio
from abc import ABC, abstractmethod

import structlog

from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock

SECOND = 1_000_000

COMPLAIN_EVERY = 30.0
"""Seconds between two lines about a store that does not answer."""
CYCLE_PATIENCE = 120.0
"""Seconds that one cycle may take beyond the pause before it. A worker that takes longer is stuck."""
WATCHDOG_PATIENCE = 20.0
"""Seconds beyond the pause after which the watchdog is no longer fed: systemd restarts a hanging daemon before that."""

_log = structlog.get_logger("tocsin.engine.service")


class Service(ABC):
    """A worker with a loop of its own.

    ``start`` and ``stop`` may come in any order and more than once. A store
    that does not answer is waited for; any other exception ends the loop, and
    whoever watches `task` stops the daemon: better restarted than limping.
    """

    name: str
    longest_pause: float = 1.0
    """Seconds. A wake-up may be lost and the machine may be suspended: no worker sleeps longer than this."""
    pause_after_failure: float = 0.5

    def __init__(self, clock: Clock, woken: asyncio.Event | None = None) -> None:
        self._clock = clock
        self._woken = woken or asyncio.Event()
        self._stopping = False
        self.task: asyncio.Task[None] | None = None
        self.cycled_at: float | None = None
        """When the last cycle finished, by the loop's own clock, which no jump of the wall clock moves.

        A refusal of the store counts as a cycle, a hanging call does not.
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
        """Return the seconds after which a worker without a finished cycle starves the watchdog."""
        return self.longest_pause + WATCHDOG_PATIENCE

    @abstractmethod
    async def run_once(self) -> int | None:
        """Do what is to be done now; returns when there is more to do (microseconds), None if not known."""

    def start(self) -> None:
        """Start the loop, once."""
        if self.task is None and not self._stopping:
            self.task = asyncio.get_running_loop().create_task(self._run(), name=self.name)

    def wake(self) -> None:
        """Look again now: something that this worker depends on has changed.

        A call during a cycle is not lost: another cycle follows at once.
        """
        self._woken.set()

    async def stop(self) -> None:
        """Let the cycle that runs finish, then end."""
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
        """Twice a second would fill the disk that may be the very trouble."""
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
