"""Fires what is due. There are no timer rows: each incident says when something about it is due."""

import asyncio

import msgspec
import structlog

from tocsin.core.alert import EpisodeStatus
from tocsin.core.errors import StoreUnavailable
from tocsin.core.event import AlertsChanged, CopiesHeld, Due, Opened
from tocsin.core.incident import Incident
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.ingest import Ingest
from tocsin.engine.service import SECOND, Service
from tocsin.engine.storms import look
from tocsin.ports.clock import Clock
from tocsin.ports.store import WHOLE, Reader

BATCH = 200
PARKED = 60 * SECOND
"""How long an incident that the core fails on is left alone, so that the others are not held up."""

_log = structlog.get_logger("tocsin.engine.timers")


class Timers(Service):
    """Sleeps until the smallest ``due_at`` and lets it happen."""

    name = "timers"

    def __init__(self, committer: Committer, ingest: Ingest, clock: Clock, woken: asyncio.Event) -> None:
        super().__init__(clock, woken)
        self._committer = committer
        self._ingest = ingest
        self._parked: dict[str, int] = {}
        self._firing: list[Incident] = []
        self._at_a_time = BATCH
        self._doubted: dict[str, int] = {}

    async def run_once(self) -> int | None:
        """Fire everything that is due; returns when the next thing will be."""
        due_at = await self._committer.store.read(self.next_due_at)
        if due_at is None or due_at > self._clock.now():
            return due_at
        try:
            await self._committer.commit("due", self._fire, timed=True)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one incident breaks, the others must get through
            self._narrow(error)
        else:
            self._at_a_time = BATCH
            for source, count in self._doubted.items():
                self._ingest.report("doubted", source, f"{count} incidents are held open")
        return await self._committer.store.read(self.next_due_at)

    def _fire(self, work: Work) -> None:
        self._firing = []
        self._firing = self._due(work.tx)[: self._at_a_time]
        for incident in self._firing:
            _happen(work, incident)
        self._doubted = work.recoveries.doubted

    def _narrow(self, error: Exception) -> None:
        """All that was due is rolled back: it comes again one by one, and who fails alone is left alone for a while."""
        if not self._firing:
            raise error
        if self._at_a_time > 1:
            self._at_a_time = 1
            return
        (incident,) = self._firing
        self._parked[incident.id] = self._clock.now() + PARKED
        _log.error("due_failed", incident=incident.number, error=repr(error), exc_info=error)
        self._ingest.report("failed", "timers", f"incident {incident.number}: {error!r}")

    def _due(self, tx: Reader) -> list[Incident]:
        self._parked = {key: until for key, until in self._parked.items() if until > tx.now}
        due = tx.due_incidents(BATCH + len(self._parked))
        return [incident for incident in due if incident.id not in self._parked]

    def next_due_at(self, tx: Reader) -> int | None:
        """When to look again. Parked incidents are overdue all the time: they must not turn the loop into a spin."""
        if not self._parked:
            return tx.next_due_at()
        return tx.now if self._due(tx) else tx.now + SECOND


def _happen(work: Work, incident: Incident) -> None:
    believe = incident.believe_at is not None and incident.believe_at <= work.now
    if incident.storm is not None:
        incident = look(work, incident)
    incident = work.change(incident, Due())
    if believe:
        _believe(work, incident)


def _believe(work: Work, incident: Incident) -> None:
    """Nothing contradicted the late copies: they fire."""
    held = [e for e in work.tx.episodes_of(incident.id, WHOLE) if e.status is EpisodeStatus.HELD]
    ripe = [
        msgspec.structs.replace(episode, status=EpisodeStatus.FIRING, held_until=None)
        for episode in held
        if (episode.held_until or 0) <= work.now
    ]
    if ripe:
        work.tx.put_episodes(ripe)
        fired = tuple(episode.severity for episode in ripe)
        starts = min((episode.starts_at for episode in ripe if episode.starts_at is not None), default=None)
        drill = incident.drill
        changed = AlertsChanged(fired=fired, drill=drill)
        again = Opened(fired=fired, drill=drill, first_alert_at=starts)
        incident = work.change(incident, changed if incident.is_open else again)
    later = [episode.held_until for episode in held if episode.held_until and episode.held_until > work.now]
    if later:
        work.change(incident, CopiesHeld(until=min(later)))
