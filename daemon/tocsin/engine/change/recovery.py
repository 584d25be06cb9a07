"""The judge of recoveries: at the end of a hold-down, it may doubt that an incident's alerts have really ended."""

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.alerts.heartbeat import LOOK_EVERY, TOGETHER, Heartbeat, ended_together, is_missing
from tocsin.core.incident.event import RecoveryDoubted
from tocsin.core.incident.incident import Incident
from tocsin.engine.change.changes import View


class RecoveryJudge:
    """The judge of recoveries in one transaction, which reads the data about each source once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._missing: dict[str, Heartbeat] | None = None

    def doubt(self, incident: Incident) -> RecoveryDoubted | None:
        """Return a doubt if the hold-down or the previous doubt ends now, and the end of the alerts is not credible."""
        now = self._view.now
        asked_at = incident.doubt.look_at if incident.doubt is not None else incident.resolve_at
        if not incident.is_open or asked_at is None or asked_at > now:
            return None
        source = self._doubtful(incident)
        return RecoveryDoubted(source=source, look_at=now + LOOK_EVERY) if source is not None else None

    def _doubtful(self, incident: Incident) -> str | None:
        """Return the source whose resolves are in doubt."""
        missing = self._sources_without_watchdog()
        if not missing:
            return None
        if incident.doubt is not None:
            return incident.doubt.source if incident.doubt.source in missing else None
        ends: dict[str, int] = {}
        for episode in self._view.tx.every_episode_of(incident.id):
            if episode.source in missing and episode.ends_at is not None:
                ends[episode.source] = max(ends.get(episode.source, 0), episode.ends_at)
        return next((source for source, end in ends.items() if self._is_no_recovery(source, end)), None)

    def _is_no_recovery(self, source: str, end: int) -> bool:
        firing, ended = 0, []
        for episode in self._view.tx.episodes_at(source, end - TOGETHER):
            if episode.status is EpisodeStatus.FIRING:
                firing += 1
            elif episode.ends_at is not None:
                ended.append(episode.ends_at)
        return ended_together(ended, end, firing)

    def _sources_without_watchdog(self) -> dict[str, Heartbeat]:
        if self._missing is None:
            known = self._view.tx.heartbeats()
            self._missing = {
                source: heartbeat for source, heartbeat in known.items() if is_missing(heartbeat, self._view.now)
            }
        return self._missing
