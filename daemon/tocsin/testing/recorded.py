"""Recorded history from a store or a folder of webhooks: alerts over time, and people's responses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from tocsin.core.alerts.alert import OWN_SOURCES, Alert, AlertStatus, Episode, EpisodeStatus, alert_of
from tocsin.core.incident.event import Entry
from tocsin.core.incident.timeline.alerts import Resolved
from tocsin.core.incident.timeline.responses import Acknowledged
from tocsin.ports.store import WHOLE, AlertKey, Reader
from tocsin.store.history import SqliteHistory
from tocsin.web.alertmanager.payload import Malformed, read

PAGE = 1000
"""Number of episodes that one query reads."""

FIRST = ("", "", 0)


@dataclass(frozen=True)
class Happening:
    """One recorded event: an alert, or a person's response to the incident of these alerts."""

    at: int
    alert: Alert | None = None
    person: str = ""
    resolves: bool = False
    """The person resolved the incident, and did not acknowledge it."""
    alerts: tuple[AlertKey, ...] = ()


@dataclass
class Recorded:
    """Recorded events, in the order of time."""

    happenings: list[Happening] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Descriptions of the parts that could not be read."""

    @property
    def alerts(self) -> list[Alert]:
        """Return each alert that fired, once."""
        fired = (one.alert for one in self.happenings if one.alert is not None)
        return list({alert.key: alert for alert in fired if alert.status is AlertStatus.FIRING}.values())

    def sort(self) -> None:
        """Sort by time, stably."""
        self.happenings.sort(key=lambda one: one.at)


def of_store(history: SqliteHistory, since: int) -> Recorded:
    """Return a database's record of episodes that were last seen at or after ``since``, in microseconds.

    Raises:
        StoreUnavailable: The database cannot be read.
    """
    recorded = Recorded()
    incidents: dict[str, list[AlertKey]] = {}
    for episode in _episodes(history, since):
        if episode.source in OWN_SOURCES or episode.status is EpisodeStatus.HELD or _never_fired(episode):
            continue
        recorded.happenings += _spell(episode)
        if episode.incident_id is not None:
            incidents.setdefault(episode.incident_id, []).append(episode.key)
    recorded.happenings += _answers(history, incidents)
    recorded.sort()
    return recorded


def _episodes(history: SqliteHistory, since: int) -> Iterator[Episode]:
    after = FIRST
    while page := history.read(partial(_page, after=after, since=since)):
        yield from page
        after = (*page[-1].key, page[-1].episode)


def _page(tx: Reader, after: tuple[str, str, int], since: int) -> list[Episode]:
    return tx.episodes_after(after, since, PAGE)


def _never_fired(episode: Episode) -> bool:
    """Return whether only a resolve of the alert was received."""
    return episode.status is EpisodeStatus.RESOLVED and episode.first_seen_at == episode.last_seen_at


def _spell(episode: Episode) -> Iterator[Happening]:
    alert = alert_of(episode)
    yield Happening(episode.first_seen_at, alert)
    if episode.status is EpisodeStatus.RESOLVED:
        ended = msgspec.structs.replace(alert, status=AlertStatus.RESOLVED, ends_at=episode.ends_at)
        yield Happening(episode.last_seen_at, ended)


def _answers(history: SqliteHistory, incidents: dict[str, list[AlertKey]]) -> Iterator[Happening]:
    """Yield people's responses: without them, every past incident would escalate to the end."""
    names = list(incidents)
    for start in range(0, len(names), PAGE):
        for entry in history.read(partial(_responses, ids=names[start : start + PAGE])):
            alerts = tuple(incidents[entry.incident_id])
            yield Happening(entry.at, person=entry.actor, resolves=entry.kind == Resolved.kind, alerts=alerts)


def _responses(tx: Reader, ids: Sequence[str]) -> list[Entry]:
    return [
        entry
        for incident_id in ids
        for entry in tx.entries(incident_id, limit=WHOLE)
        if entry.kind == Acknowledged.kind or (entry.kind == Resolved.kind and entry.data.get("cause") == "person")
    ]


def of_folder(folder: Path, since: int, source: str, now: int) -> Recorded:
    """Return the record of the webhooks in a folder's ``*.json`` files.

    An alert fires at its ``startsAt`` and resolves at its ``endsAt``, since the times of files do not survive a
    checkout. Without these fields, the file's modification time is used. Simultaneous events are in the order of the
    files' names.
    """
    recorded = Recorded()
    for path in sorted(folder.glob("*.json")):
        written = int(path.stat().st_mtime * 1_000_000)
        try:
            webhook = read(path.read_bytes(), source, lambda: now)
        except Malformed as error:
            recorded.notes.append(f"{path}: {error}")
            continue
        if webhook.quarantined is not None:
            recorded.notes += [f"{path}: {error}" for error in webhook.quarantined.error.splitlines()]
        for alert in webhook.alerts:
            at = alert.starts_at if alert.status is AlertStatus.FIRING else alert.ends_at
            recorded.happenings.append(Happening(at if at is not None else written, alert))
    recorded.happenings = [one for one in recorded.happenings if one.at >= since]
    recorded.sort()
    return recorded
