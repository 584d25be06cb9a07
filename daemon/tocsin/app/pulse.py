"""Whether the daemon makes progress: event-loop lag, the age of each worker's last cycle, systemd's watchdog."""

import asyncio

from tocsin.app.build import Daemon
from tocsin.app.notify import Notifier
from tocsin.core.errors import StoreUnavailable
from tocsin.web.keys import Health

SECOND = 1_000_000

TICK = 0.5
"""Seconds between two looks."""
STUCK_AFTER = 120 * SECOND
"""A worker that has not finished a cycle for so long is stuck: the daemon is not healthy."""
WATCHDOG_PATIENCE = 20 * SECOND
"""The watchdog is fed only while every worker's last cycle is younger than this."""
PROBE_EVERY = 2 * SECOND
PROBE_FRESH = 5 * SECOND
"""Ready means that the store took a write no longer ago than this."""


class Pulse:
    """Looks twice a second; never waits for what it watches."""

    def __init__(self, daemon: Daemon, notifier: Notifier) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self.tasks: list[asyncio.Task[None]] = []
        self._written_at: int | None = None
        self._trouble = ""

    def start(self) -> None:
        """Start looking."""
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._look(), name="pulse"), loop.create_task(self._probe(), name="probe")]

    async def stop(self) -> None:
        """Stop looking."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def health(self) -> Health:
        """How the daemon is now."""
        daemon, now = self._daemon, self._daemon.clock.now()
        fresh = self._written_at is not None and now - self._written_at < PROBE_FRESH
        ages = self._ages(now)
        detail = {
            "uptime_seconds": (now - daemon.started_at) / SECOND,
            "configuration": daemon.bundle.fingerprint,
            "store": "writable" if fresh else self._trouble or "not probed yet",
            "workers": {name: age / SECOND for name, age in ages.items()},
        }
        healthy = all(age < STUCK_AFTER for age in ages.values())
        return Health(healthy=healthy, ready=fresh and not daemon.stopping, detail=detail)

    def _ages(self, now: int) -> dict[str, int]:
        daemon = self._daemon
        return {service.name: now - (service.cycle_at or daemon.started_at) for service in daemon.services}

    async def _look(self) -> None:
        daemon = self._daemon
        loop = asyncio.get_running_loop()
        interval = self._notifier.watchdog_interval
        fed_at = loop.time()
        while True:
            began = loop.time()
            await asyncio.sleep(TICK)
            daemon.metrics.observe("event_loop_lag_seconds", max(0.0, loop.time() - began - TICK))
            now = daemon.clock.now()
            ages = self._ages(now)
            for name, age in ages.items():
                daemon.metrics.gauge("worker_cycle_age_seconds", age / SECOND, worker=name)
            progress = all(age - _pause(daemon, name) < WATCHDOG_PATIENCE for name, age in ages.items())
            if interval is not None and progress and loop.time() - fed_at >= min(interval, 10.0):
                self._notifier.watchdog()
                fed_at = loop.time()

    async def _probe(self) -> None:
        """Write and read back, on the way that webhooks take."""
        daemon = self._daemon
        while True:
            try:
                await daemon.store.write(lambda tx: tx.probe())
                self._written_at = daemon.clock.now()
            except StoreUnavailable as error:
                self._trouble = str(error)
            await asyncio.sleep(PROBE_EVERY / SECOND)


def _pause(daemon: Daemon, name: str) -> int:
    """How long a worker may sleep by design."""
    return next(round(service.longest_pause * SECOND) for service in daemon.services if service.name == name)
