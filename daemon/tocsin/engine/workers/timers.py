"""Timers: send `Due` to incidents that are due. There are no timer rows: each incident stores its ``due_at``."""

import asyncio

import msgspec
import structlog

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.duration import SECOND
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.event import AlertsChanged, CopiesHeld, Due, Opened
from tocsin.core.incident.incident import Incident
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.storms import look
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.change.window_waits import judge_begun
from tocsin.engine.selfwatch.troubles import Reporter
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader

BATCH = 200
"""Maximum number of incidents changed in one transaction."""
PARKED = 60 * SECOND
"""Delay before an incident with a failing timer is retried, so that it does not block the others."""

_log = structlog.get_logger("tocsin.engine.workers.timers")


class Timers(Service):
    """The worker that sleeps until the smallest ``due_at``, and sends `Due` to the incidents."""

    name = "timers"

    def __init__(self, committer: Committer, reporter: Reporter, clock: Clock, woken: asyncio.Event) -> None:
        super().__init__(clock, woken)
        self._committer = committer
        self._reporter = reporter
        self._parked: dict[str, int] = {}
        """The incidents whose timers have failed, by id, with the time of the next attempt."""
        self._firing: list[Incident] = []
        """The due incidents of the current transaction."""
        self._at_a_time = BATCH
        self._doubted: dict[str, int] = {}
        """Number of incidents whose recovery the last transaction doubted, by source."""

    async def run_once(self) -> int | None:
        """Change every incident that is due; return the next due time."""
        due_at = await self._committer.store.read(self.next_due_at)
        if due_at is None or due_at > self._clock.now():
            return due_at
        try:
            await self._committer.commit("due", self._fire, timed=True)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a failing incident must not block the others
            self._narrow(error)
        else:
            self._at_a_time = BATCH
            for source, count in self._doubted.items():
                self._reporter.report("doubted", source, f"{count} incidents are held open")
        return await self._committer.store.read(self.next_due_at)

    def _fire(self, uow: UnitOfWork) -> None:
        self._firing = []
        self._firing = self._due(uow.tx)[: self._at_a_time]
        for incident in self._firing:
            _change_due(uow, incident)
        self._doubted = uow.doubted

    def _narrow(self, error: Exception) -> None:
        """Change the incidents of a failed transaction one by one from now on; park an incident that fails alone."""
        if not self._firing:
            raise error
        if self._at_a_time > 1:
            self._at_a_time = 1
            return
        (incident,) = self._firing
        self._parked[incident.id] = self._clock.now() + PARKED
        _log.error("due_failed", incident=incident.number, error=repr(error), exc_info=error)
        failure = f"incident {incident.number}: {error!r}"
        self._reporter.report("failed", "timers", failure, failure)

    def _due(self, tx: Reader) -> list[Incident]:
        self._parked = {key: until for key, until in self._parked.items() if until > tx.now}
        due = tx.due_incidents(BATCH + len(self._parked))
        return [incident for incident in due if incident.id not in self._parked]

    def next_due_at(self, tx: Reader) -> int | None:
        """Return the next due time, without the parked incidents: they are overdue, and would make the loop spin."""
        if not self._parked:
            return tx.next_due_at()
        return tx.now if self._due(tx) else tx.now + SECOND


def _change_due(uow: UnitOfWork, incident: Incident) -> None:
    has_held_copies = incident.believe_at is not None and incident.believe_at <= uow.now
    if incident.storm is not None:
        incident = look(uow, incident)
    incident = uow.change(incident, Due())
    if has_held_copies:
        _count_held_copies(uow, incident)


def _count_held_copies(uow: UnitOfWork, incident: Incident) -> None:
    """Let alerts with held copies count as firing, because no further resolve has arrived in time."""
    held = [episode for episode in uow.tx.every_episode_of(incident.id) if episode.status is EpisodeStatus.HELD]
    ripe = [
        msgspec.structs.replace(episode, status=EpisodeStatus.FIRING, held_until=None)
        for episode in held
        if (episode.held_until or 0) <= uow.now
    ]
    if ripe:
        uow.tx.put_episodes(ripe)
        fired = tuple(episode.severity for episode in ripe)
        starts = min((episode.starts_at for episode in ripe if episode.starts_at is not None), default=None)
        drill = incident.drill
        changed = AlertsChanged(fired=fired, drill=drill)
        again = Opened(fired=fired, drill=drill, first_alert_at=starts)
        incident = uow.change(incident, changed if incident.is_open else again)
        incident = judge_begun(uow, incident, ripe)
    later = [episode.held_until for episode in held if episode.held_until and episode.held_until > uow.now]
    if later:
        uow.change(incident, CopiesHeld(until=min(later)))
