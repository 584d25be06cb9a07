"""Whether the daemon makes progress: event-loop lag, the age of each worker's last cycle, the store, the watchdog.

Ages are taken by the loop's own clock: the wall clock jumps, and stands still for nobody while a machine sleeps.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from tocsin.app.build import Daemon
from tocsin.app.notify import Notifier
from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.web.keys import Health

SECOND = 1_000_000

TICK = 0.5
"""Seconds between two looks."""
PROBE_EVERY = 2.0
PROBE_PATIENCE = 5.0
"""Seconds that the store gets for the probe."""
PROBE_FRESH = 10.0
"""Seconds. Ready means that the probe has succeeded no longer ago than this."""
FAILURES_TOLERATED = 2
"""Probes that may fail in a row before somebody is told."""

_log = structlog.get_logger("tocsin.app.pulse")


class Pulse:
    """Looks twice a second; never waits for what it watches."""

    def __init__(self, daemon: Daemon, notifier: Notifier, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self._monotonic = monotonic
        self._began = self._fed_at = monotonic()
        self._probed_at: float | None = None
        """When the store last took the probe."""
        self._trouble = "the store has not been probed yet"
        self._failures = 0
        self.tasks: list[asyncio.Task[None]] = []

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
        daemon = self._daemon
        ages = self._ages()
        stuck = [
            f"{worker.name} has finished nothing for {ages[worker.name]:.0f} s"
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
            why="; ".join([*stuck, *self._closed(trouble)]),
        )

    def _closed(self, trouble: str) -> list[str]:
        """Why no alerts are taken, in words for everybody: whoever may know more asks for the status."""
        stopping = ["it is stopping"] if self._daemon.stopping else []
        return [*stopping, "the store takes nothing now"] if trouble else stopping

    def look(self) -> None:
        """Show how long ago each worker finished a cycle, and feed the watchdog while all of them make progress."""
        ages = self._ages()
        for worker in self._daemon.services:
            self._daemon.metrics.gauge("worker_cycle_age_seconds", ages[worker.name], worker=worker.name)
            self._daemon.metrics.gauge("worker_cycle_allowance_seconds", worker.allowance, worker=worker.name)
        interval = self._notifier.watchdog_interval
        progress = all(ages[worker.name] < worker.watchdog_allowance for worker in self._daemon.services)
        if interval is not None and progress and self._monotonic() - self._fed_at >= min(interval, 10.0):
            self._notifier.watchdog()
            self._fed_at = self._monotonic()

    async def probe(self) -> None:
        """Write on the way that webhooks take, and tell tocsin's people where that goes wrong again and again.

        Raises:
            StoreLost: The database is not the one on the disk any more: the daemon has to be restarted.
        """
        try:
            trouble = await self._try_store()
        except StoreLost as lost:
            self._daemon.metrics.gauge("store_writable", 0)
            self._daemon.alarm.sound("store", str(lost))
            raise
        self._daemon.metrics.gauge("store_writable", 0 if trouble else 1)
        if not trouble:
            self._probed_at, self._trouble, self._failures = self._monotonic(), "", 0
            return
        if trouble != self._trouble:
            _log.error("store_trouble", trouble=trouble)
        self._trouble = trouble
        self._failures += 1
        if self._failures > FAILURES_TOLERATED:
            self._daemon.alarm.sound("store", trouble)

    async def _try_store(self) -> str:
        """What is wrong with the store, "" if nothing."""
        store = self._daemon.store
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await store.write(lambda tx: tx.probe())
        except StoreLost:
            raise
        except StoreUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"the store has not taken a row within {PROBE_PATIENCE:.0f} s"
        return "" if store.has_reserve else "the disk is full: what was kept aside for this is used up"

    def _store_trouble(self) -> str:
        if self._trouble or self._probed_at is None:
            return self._trouble
        age = self._monotonic() - self._probed_at
        return f"the store took its last row {age:.0f} s ago" if age >= PROBE_FRESH else ""

    def _ages(self) -> dict[str, float]:
        """Seconds since each worker's last cycle; before its first one, since the start."""
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
