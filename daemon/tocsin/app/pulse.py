"""Monitoring of the daemon's own progress: event loop lag, age of each worker's last cycle, the store, the watchdog.

Ages are measured with the event loop's clock, because the wall clock jumps and keeps running while the machine sleeps.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from tocsin.app.build import Daemon
from tocsin.app.notify import Notifier
from tocsin.core.duration import SECOND, duration
from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.web.edge import Health

TICK = 0.5
"""Seconds between two checks."""
PROBE_EVERY = 2.0
"""Seconds between two probes of the store."""
PROBE_PATIENCE = 5.0
"""Seconds that the store gets to commit a probe."""
PROBE_FRESH = 10.0
"""Seconds since the last successful probe, after which the daemon is not ready."""
FAILURES_TOLERATED = 2
"""Number of probes that may fail in a row before tocsin opens an incident about the store."""

_log = structlog.get_logger("tocsin.app.pulse")


class Pulse:
    """Checks twice a second that the daemon makes progress; it never waits for the components that it checks."""

    def __init__(self, daemon: Daemon, notifier: Notifier, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self._monotonic = monotonic
        self._began = self._pinged_at = monotonic()
        self._probed_at: float | None = None
        """Time of the last successful probe, by the monotonic clock."""
        self._trouble = "the store has not been probed yet"
        self._failures = 0
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the checks."""
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._look(), name="pulse"), loop.create_task(self._probe(), name="probe")]

    async def stop(self) -> None:
        """Stop the checks."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def health(self) -> Health:
        """Return the current state of the daemon."""
        daemon = self._daemon
        ages = self._ages()
        stuck = [
            f"{worker.name} has not finished a cycle for {_in_words(ages[worker.name])}"
            for worker in daemon.services
            if ages[worker.name] > worker.allowance
        ]
        trouble = self._store_trouble()
        detail = {
            "uptime_seconds": self._monotonic() - self._began,
            "configuration": daemon.bundle.fingerprint,
            "store": trouble or "writable",
            "workers": ages,
        }
        return Health(
            healthy=not stuck,
            ready=not trouble and not daemon.stopping,
            detail=detail,
            why="; ".join([*stuck, *self._reasons_not_ready(trouble)]),
        )

    def _reasons_not_ready(self, trouble: str) -> list[str]:
        """Return public reasons for not accepting alerts; ``/api/v1/status`` has the details."""
        stopping = ["the daemon is stopping"] if self._daemon.stopping else []
        return [*stopping, "the store does not accept writes"] if trouble else stopping

    def look(self) -> None:
        """Publish the age of each worker's last cycle, and ping the watchdog while all workers make progress."""
        ages = self._ages()
        for worker in self._daemon.services:
            self._daemon.metrics.gauge("worker_cycle_age_seconds", ages[worker.name], worker=worker.name)
            self._daemon.metrics.gauge("worker_cycle_allowance_seconds", worker.allowance, worker=worker.name)
        interval = self._notifier.watchdog_interval
        has_progress = all(ages[worker.name] < worker.watchdog_allowance for worker in self._daemon.services)
        if interval is not None and has_progress and self._monotonic() - self._pinged_at >= min(interval, 10.0):
            self._notifier.watchdog()
            self._pinged_at = self._monotonic()

    async def probe(self) -> None:
        """Write a row the way webhooks do, and raise the alarm after repeated failures.

        Raises:
            StoreLost: The open database is no longer the one on disk; the daemon has to be restarted.
        """
        try:
            trouble = await self._try_store()
        except StoreLost as lost:
            self._daemon.metrics.gauge("store_writable", 0)
            self._daemon.alarm.store_failed(lost)
            raise
        self._daemon.metrics.gauge("store_writable", 0 if trouble else 1)
        if not trouble:
            self._probed_at, self._trouble, self._failures = self._monotonic(), "", 0
            return
        if trouble != self._trouble:
            _log.error("store_probe_failed", error=trouble)
        self._trouble = trouble
        self._failures += 1
        if self._failures > FAILURES_TOLERATED:
            self._daemon.alarm.store_failed(StoreUnavailable(trouble))

    async def _try_store(self) -> str:
        """Return the problem with the store, "" if there is none."""
        store = self._daemon.store
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await store.write(lambda tx: tx.probe())
        except StoreLost:
            raise
        except StoreUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"the store did not commit a row within {PROBE_PATIENCE:.0f} s"
        return "" if store.has_reserve else "the disk is full, and the reserve is used up; free disk space"

    def _store_trouble(self) -> str:
        if self._trouble or self._probed_at is None:
            return self._trouble
        age = self._monotonic() - self._probed_at
        return f"the store last committed a row {_in_words(age)} ago" if age >= PROBE_FRESH else ""

    def _ages(self) -> dict[str, float]:
        """Return the seconds since each worker's last cycle, or since the start before its first cycle."""
        now = self._monotonic()
        return {
            worker.name: now - (self._began if worker.cycled_at is None else worker.cycled_at)
            for worker in self._daemon.services
        }

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(TICK)
            self._daemon.metrics.observe("event_loop_lag_seconds", max(0.0, loop.time() - began - TICK))
            self.look()

    async def _probe(self) -> None:
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_EVERY)


def _in_words(seconds: float) -> str:
    return duration(int(seconds * SECOND))
