"""Whether the end of an incident's alerts is believed, asked at the end of its hold-down and as long as it is not."""

from typing import TYPE_CHECKING

from tocsin.core.alert import EpisodeStatus
from tocsin.core.event import RecoveryDoubted
from tocsin.core.heartbeat import LOOK_EVERY, TOGETHER, Heartbeat, ended_together, is_missing
from tocsin.core.incident import Incident
from tocsin.ports.store import WHOLE

if TYPE_CHECKING:  # apply asks, and hands itself over
    from tocsin.engine.apply import Work


class Recoveries:
    """What one transaction knows of its sources."""

    def __init__(self, work: "Work") -> None:
        self._work = work
        self._missing: dict[str, Heartbeat] | None = None
        self.doubted: dict[str, int] = {}
        """By source: how many incidents are not believed to be over."""

    def doubt(self, incident: Incident) -> RecoveryDoubted | None:
        """That its alerts have ended is to be believed now, and is not; None where it is, or nobody asks yet."""
        now = self._work.now
        asked_at = incident.doubt.look_at if incident.doubt is not None else incident.resolve_at
        if not incident.is_open or asked_at is None or asked_at > now:
            return None
        source = self._doubtful(incident)
        if source is None:
            return None
        self.doubted[source] = self.doubted.get(source, 0) + 1
        if incident.doubt is None:
            self._work.figures.count("recoveries_doubted_total")
        return RecoveryDoubted(source=source, look_at=now + LOOK_EVERY)

    def _doubtful(self, incident: Incident) -> str | None:
        """The source whose word is not taken."""
        missing = self._sources_without_watchdog()
        if not missing:
            return None
        if incident.doubt is not None:
            return incident.doubt.source if incident.doubt.source in missing else None
        ends: dict[str, int] = {}
        for episode in self._work.tx.episodes_of(incident.id, WHOLE):
            if episode.source in missing and episode.ends_at is not None:
                ends[episode.source] = max(ends.get(episode.source, 0), episode.ends_at)
        return next((source for source, end in ends.items() if self._is_no_recovery(source, end)), None)

    def _is_no_recovery(self, source: str, end: int) -> bool:
        episodes = self._work.tx.episodes_at(source, end - TOGETHER)
        firing = sum(episode.status is EpisodeStatus.FIRING for episode in episodes)
        ended = [episode.ends_at for episode in episodes if episode.status is EpisodeStatus.RESOLVED]
        return ended_together([at for at in ended if at is not None], end, firing)

    def _sources_without_watchdog(self) -> dict[str, Heartbeat]:
        if self._missing is None:
            known = self._work.tx.heartbeats()
            self._missing = {name: one for name, one in known.items() if is_missing(one, self._work.now)}
        return self._missing
