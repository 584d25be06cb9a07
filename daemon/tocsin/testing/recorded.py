"""What has happened, as a store or a folder of webhooks tells it: alerts over time, and what people did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from tocsin.core.alert import SELF_SOURCE, Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.event import Entry
from tocsin.engine.treatment import alert_of
from tocsin.ports.store import WHOLE, AlertKey, Reader
from tocsin.store.history import SqliteHistory
from tocsin.web.wire import Malformed, read

PAGE = 1000
"""Episodes that one look at the store reads."""

FIRST = ("", "", 0)


@dataclass(frozen=True)
class Happening:
    """One thing that happened. An alert, or what a person did about the incident that these alerts belong to."""

    at: int
    alert: Alert | None = None
    person: str = ""
    resolves: bool = False
    """The person resolved the incident, and did not acknowledge it."""
    alerts: tuple[AlertKey, ...] = ()


@dataclass
class Recorded:
    """What happened, in the order of time."""

    happenings: list[Happening] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be read."""

    @property
    def alerts(self) -> list[Alert]:
        """Each alert that fired, once."""
        fired = (one.alert for one in self.happenings if one.alert is not None)
        return list({alert.key: alert for alert in fired if alert.status is AlertStatus.FIRING}.values())

    def sort(self) -> None:
        """Bring it into the order of time; what happened at one moment stays in its order."""
        self.happenings.sort(key=lambda one: one.at)


def of_store(history: SqliteHistory, since: int) -> Recorded:
    """What a database knows of episodes that were last seen at or after ``since``, in microseconds.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    recorded = Recorded()
    incidents: dict[str, list[AlertKey]] = {}
    for episode in _episodes(history, since):
        if episode.source == SELF_SOURCE or episode.status is EpisodeStatus.HELD or _never_fired(episode):
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
    """Its resolve is all that was ever heard of it."""
    return episode.status is EpisodeStatus.RESOLVED and episode.first_seen_at == episode.last_seen_at


def _spell(episode: Episode) -> Iterator[Happening]:
    alert = alert_of(episode)
    yield Happening(episode.first_seen_at, alert)
    if episode.status is EpisodeStatus.RESOLVED:
        ended = msgspec.structs.replace(alert, status=AlertStatus.RESOLVED, ends_at=episode.ends_at)
        yield Happening(episode.last_seen_at, ended)


def _answers(history: SqliteHistory, incidents: dict[str, list[AlertKey]]) -> Iterator[Happening]:
    """What people did: without it, every incident of the past would be climbed to its end."""
    names = list(incidents)
    for start in range(0, len(names), PAGE):
        for entry in history.read(partial(_responses, ids=names[start : start + PAGE])):
            alerts = tuple(incidents[entry.incident_id])
            yield Happening(entry.at, person=entry.actor, resolves=entry.kind == "resolved", alerts=alerts)


def _responses(tx: Reader, ids: Sequence[str]) -> list[Entry]:
    return [
        entry
        for incident_id in ids
        for entry in tx.entries(incident_id, limit=WHOLE)
        if entry.kind == "acknowledged" or (entry.kind == "resolved" and entry.data.get("cause") == "person")
    ]


def of_folder(folder: Path, since: int, source: str, now: int) -> Recorded:
    """What the webhooks in a folder's ``*.json`` files tell.

    An alert fires at its ``startsAt`` and resolves at its ``endsAt``: the times of files do not survive a
    checkout. One without them happens when its file was last written. What happened at one moment goes by
    the names of the files.
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
