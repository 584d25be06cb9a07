"""The questions of the port, answered from dictionaries."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tocsin.core.alert import SELF_SOURCE, Episode, EpisodeStatus
from tocsin.core.condition import Likeness
from tocsin.core.errors import UnknownName
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Mean, Occurrence
from tocsin.core.outbox import Job, Outgoing
from tocsin.core.playbook import Playbook
from tocsin.core.quarantine import Quarantined
from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.core.rules import RuleSet
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.store import AlertKey, Attempt, IncidentFilter, MessageRef
from tocsin.store.lanes import Lane

FullKey = tuple[str, str, int]
"""(source, fingerprint, episode)"""


@dataclass(slots=True)
class Data:
    """What is kept. A dictionary to None is a set that keeps its order."""

    episodes: dict[FullKey, Episode] = field(default_factory=dict)
    latest_episode: dict[AlertKey, int] = field(default_factory=dict)
    episodes_of: dict[str, dict[FullKey, None]] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)
    numbers_of: dict[str, dict[int, None]] = field(default_factory=dict)
    """By dedup key."""
    open: dict[str, str] = field(default_factory=dict)
    """The open incident of a dedup key."""
    due: dict[str, int] = field(default_factory=dict)
    plans: dict[str, Playbook] = field(default_factory=dict)
    rules: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Rule sets as JSON, and when each was last noted to be in use."""
    counters: dict[str, int] = field(default_factory=dict)
    entries: dict[str, dict[int, Entry]] = field(default_factory=dict)
    outbox: dict[str, Outgoing] = field(default_factory=dict)
    outbox_of: dict[str, dict[str, None]] = field(default_factory=dict)
    pending: dict[Lane, dict[str, None]] = field(default_factory=dict)
    attempts: dict[str, dict[int, Attempt]] = field(default_factory=dict)
    message_refs: dict[tuple[str, str, str], MessageRef] = field(default_factory=dict)
    inbound: dict[tuple[str, str], int] = field(default_factory=dict)
    page_links: dict[tuple[str, str, str], None] = field(default_factory=dict)
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    quarantine: dict[str, Quarantined] = field(default_factory=dict)
    windows: dict[str, HandMade] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    rosters: dict[str, Roster] = field(default_factory=dict)
    occurrences: dict[tuple[str, int], Occurrence] = field(default_factory=dict)
    surges: dict[str, Surge] = field(default_factory=dict)


class MemoryReader:
    """`ports.store.Reader` over the dictionaries."""

    def __init__(self, data: Data, now: int) -> None:
        self._data = data
        self._now = now

    @property
    def now(self) -> int:
        """The store's clock, read once when the transaction began."""
        return self._now

    def latest_episodes(self, keys: Sequence[AlertKey]) -> dict[AlertKey, Episode]:
        """See `ports.store.Reader`."""
        latest = self._data.latest_episode
        return {key: self._data.episodes[*key, latest[key]] for key in keys if key in latest}

    def episodes_of(self, incident_id: str, limit: int = 1000) -> list[Episode]:
        """See `ports.store.Reader`."""
        found = [self._data.episodes[full] for full in self._data.episodes_of.get(incident_id, ())]
        found.sort(
            key=lambda episode: (
                episode.status is not EpisodeStatus.FIRING,
                episode.first_seen_at,
                episode.key,
                episode.episode,
            )
        )
        return found[:limit]

    def episode(self, source: str, fingerprint: str, number: int) -> Episode | None:
        """See `ports.store.Reader`."""
        return self._data.episodes.get((source, fingerprint, number))

    def episodes(self, fingerprint: str, source: str | None = None, limit: int = 50) -> list[Episode]:
        """See `ports.store.Reader`."""
        found = [
            episode
            for episode in self._data.episodes.values()
            if episode.fingerprint == fingerprint and source in (None, episode.source)
        ]
        found.sort(key=lambda episode: (-episode.first_seen_at, episode.source, -episode.episode))
        return found[:limit]

    def rules(self, sha: str) -> RuleSet | None:
        """See `ports.store.Reader`."""
        kept = self._data.rules.get(sha)
        return None if kept is None else RuleSet.from_json(kept[0])

    def episodes_at(self, source: str, ended_since: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        data = self._data
        concerned = {
            incident.id
            for incident in data.incidents.values()
            if incident.is_open or incident.id in data.due or _since(incident.resolved_at, ended_since)
        }
        found = [
            full
            for full, episode in data.episodes.items()
            if episode.source == source and episode.incident_id in concerned and episode.stood_at(ended_since)
        ]
        return [data.episodes[full] for full in sorted(found)]

    def self_episodes(self, seen_before: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        found = [
            episode
            for episode in self._data.episodes.values()
            if episode.source == SELF_SOURCE
            and episode.status is EpisodeStatus.FIRING
            and episode.last_seen_at < seen_before
        ]
        return sorted(found, key=lambda episode: (episode.last_seen_at, episode.fingerprint, episode.episode))

    def episodes_after(self, after: tuple[str, str, int], seen_since: int, limit: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        later = (full for full in self._data.episodes if full > after)
        found = sorted(full for full in later if self._data.episodes[full].last_seen_at >= seen_since)
        return [self._data.episodes[full] for full in found[:limit]]

    def episodes_begun(self, since: int, limit: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        found = [
            episode
            for episode in self._data.episodes.values()
            if episode.first_seen_at >= since or episode.status is EpisodeStatus.FIRING
        ]
        return sorted(found, key=lambda episode: (-episode.first_seen_at, episode.key, episode.episode))[:limit]

    def incident(self, incident_id: str) -> Incident | None:
        """See `ports.store.Reader`."""
        found = self._data.incidents.get(incident_id)
        if found is None and incident_id.isascii() and incident_id.isdigit():
            found = self._data.incidents.get(self._data.numbers.get(int(incident_id), ""))
        return found

    def latest_incidents(self, dedup_keys: Sequence[str]) -> dict[str, Incident]:
        """See `ports.store.Reader`."""
        found: dict[str, Incident] = {}
        for key in dedup_keys:
            numbers = self._data.numbers_of.get(key)
            if key in self._data.open:
                found[key] = self._data.incidents[self._data.open[key]]
            elif numbers:
                found[key] = self._data.incidents[self._data.numbers[max(numbers)]]
        return found

    def open_alike(self, like: Likeness, limit: int = 2) -> list[str]:
        """See `ports.store.Reader`."""
        return sorted(incident.dedup_key for incident in self._open() if _is_like(incident, like))[:limit]

    def episodes_since(self, dedup_key: str, since: int) -> int:
        """See `ports.store.Reader`."""
        ids = [self._data.numbers[number] for number in self._data.numbers_of.get(dedup_key, ())]
        episodes = (self._data.episodes[full] for one in ids for full in self._data.episodes_of.get(one, ()))
        return sum(episode.first_seen_at >= since for episode in episodes)

    def incidents(self, wanted: IncidentFilter) -> list[Incident]:
        """See `ports.store.Reader`."""
        found: list[Incident] = []
        for number in sorted(self._data.numbers, reverse=True):
            if len(found) >= wanted.limit:
                break
            incident = self._data.incidents[self._data.numbers[number]]
            if _is_wanted(incident, wanted):
                found.append(incident)
        return found

    def due_incidents(self, limit: int) -> list[Incident]:
        """See `ports.store.Reader`."""
        due = [(at, self._data.incidents[key]) for key, at in self._data.due.items() if at <= self._now]
        due.sort(key=lambda item: (item[0], item[1].number))
        return [incident for _, incident in due[:limit]]

    def next_due_at(self) -> int | None:
        """See `ports.store.Reader`."""
        return min(self._data.due.values(), default=None)

    def due_at_of(self, incident_id: str) -> int | None:
        """See `ports.store.Reader`."""
        return self._data.due.get(incident_id)

    def entries(self, incident_id: str, after_seq: int = 0, limit: int = 1000) -> list[Entry]:
        """See `ports.store.Reader`."""
        timeline = self._data.entries.get(incident_id, {})
        return [timeline[seq] for seq in sorted(timeline) if seq > after_seq][:limit]

    def outbox_of(self, incident_id: str, occurrence: int | None = None) -> list[Outgoing]:
        """See `ports.store.Reader`."""
        found = [self._data.outbox[key] for key in self._data.outbox_of.get(incident_id, ())]
        found.sort(key=lambda row: row.order_no)
        return [row for row in found if occurrence is None or row.occurrence == occurrence]

    def outbox_row(self, key: str) -> Outgoing | None:
        """See `ports.store.Reader`."""
        return self._data.outbox.get(key)

    def pages_to(self, destination: str, limit: int = 200) -> list[Outgoing]:
        """See `ports.callback_store.CallbackReader`."""
        rows = [row for incident_id in self._data.open.values() for row in self.outbox_of(incident_id)]
        pages = [row for row in rows if row.job is Job.PAGE and row.destination == destination]
        return sorted(pages, key=lambda row: -row.order_no)[:limit]

    def linked_pages(self, provider: str, ref: str) -> list[str]:
        """See `ports.callback_store.CallbackReader`."""
        return sorted(key for where, named, key in self._data.page_links if (where, named) == (provider, ref))

    def next_claim_at(self) -> int | None:
        """See `ports.store.Reader`."""
        return min((max(row.not_before, row.lease_until or row.not_before) for row in self._heads()), default=None)

    def overdue_pages(self) -> list[Outgoing]:
        """See `ports.store.Reader`."""
        return [row for row in self._waiting_pages() if not row.fell_back and row.overdue_at <= self.now][:100]

    def next_overdue_at(self) -> int | None:
        """See `ports.store.Reader`."""
        return min((row.overdue_at for row in self._waiting_pages() if not row.fell_back), default=None)

    def _waiting_pages(self) -> list[Outgoing]:
        """Those that are overdue first, first."""
        found = [
            row
            for waiting in self._data.pending.values()
            for row in map(self._data.outbox.__getitem__, waiting)
            if row.job is Job.PAGE
        ]
        return sorted(found, key=lambda row: (row.overdue_at, row.order_no))

    def _heads(self) -> Iterator[Outgoing]:
        """The first pending row of each lane."""
        outbox = self._data.outbox
        for waiting in self._data.pending.values():
            if waiting:
                yield min((outbox[key] for key in waiting), key=lambda row: row.order_no)

    def attempts_of(self, key: str) -> list[Attempt]:
        """See `ports.store.Reader`."""
        return [attempt for _, attempt in sorted(self._data.attempts.get(key, {}).items())]

    def message_ref(self, incident_id: str, channel: str, destination: str) -> MessageRef | None:
        """See `ports.store.Reader`."""
        return self._data.message_refs.get((incident_id, channel, destination))

    def heartbeats(self) -> dict[str, Heartbeat]:
        """See `ports.store.Reader`."""
        return dict(sorted(self._data.heartbeats.items()))

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """See `ports.store.Reader`."""
        found = sorted(self._data.quarantine.values(), key=lambda item: (item.last_at, item.id), reverse=True)
        return found[:limit]

    def windows(self, over_after: int) -> list[HandMade]:
        """See `ports.store.Reader`."""
        found = [window for window in self._data.windows.values() if window.ends_at > over_after]
        return sorted(found, key=lambda window: (window.starts_at, window.id))

    def window(self, window_id: str) -> HandMade | None:
        """See `ports.store.Reader`."""
        return self._data.windows.get(window_id)

    def overrides(self, over_after: int) -> list[Override]:
        """See `ports.oncall_store.OnCallReader`."""
        found = [one for one in self._data.overrides.values() if one.ends_at > over_after]
        return sorted(found, key=lambda one: (one.starts_at, one.id))

    def override(self, override_id: str) -> Override | None:
        """See `ports.oncall_store.OnCallReader`."""
        return self._data.overrides.get(override_id)

    def rosters(self) -> dict[str, Roster]:
        """See `ports.oncall_store.OnCallReader`."""
        return dict(sorted(self._data.rosters.items()))

    def means(self, measure: str, since: int) -> list[Mean]:
        """See `ports.store.Reader`.

        Raises:
            UnknownName: There is no such measure.
        """
        if measure not in ("acknowledge", "resolve"):
            raise UnknownName(f"no mean is kept of {measure!r}")
        figures: dict[tuple[str, str], list[int]] = {}
        for occurrence in self._data.occurrences.values():
            figure = _figure(occurrence, measure, since)
            if figure is not None:
                figures.setdefault((occurrence.playbook, occurrence.severity), []).append(figure)
        return [Mean(*key, sum(each) / len(each) / 1_000_000, len(each)) for key, each in sorted(figures.items())]

    def open_counts(self) -> Mapping[tuple[str, str, str], int]:
        """See `ports.store.Reader`."""
        return Counter((incident.plan.name, incident.severity, incident.state.value) for incident in self._open())

    def exhausted_counts(self) -> Mapping[str, int]:
        """See `ports.store.Reader`."""
        return Counter(incident.plan.name for incident in self._open() if incident.fallback_at is not None)

    def surge(self, target: str) -> Surge | None:
        """See `ports.store.Reader`."""
        return self._data.surges.get(target)

    def open_storms(self) -> Mapping[str, int]:
        """See `ports.store.Reader`."""
        storms = {
            self._data.incidents[surge.storm].number: target
            for target, surge in self._data.surges.items()
            if surge.storm in self._data.incidents
        }
        waiting = Counter(storms.get(incident.member_of or 0) for incident in self._open() if incident.waits)
        return {target: waiting[target] for target in storms.values()}

    def _open(self) -> Iterator[Incident]:
        return (self._data.incidents[key] for key in self._data.open.values())

    def outbox_depth(self) -> Mapping[str, tuple[int, int]]:
        """See `ports.store.Reader`."""
        found: dict[str, tuple[int, int]] = {}
        for waiting in self._data.pending.values():
            for row in map(self._data.outbox.__getitem__, waiting):
                count, oldest = found.get(row.channel, (0, row.created_at))
                found[row.channel] = (count + 1, min(oldest, row.created_at))
        return found


def _since(at: int | None, since: int) -> bool:
    return at is not None and at >= since


def _is_like(incident: Incident, like: Likeness) -> bool:
    return like.fits(
        service=incident.service,
        severity=incident.severity,
        playbook=incident.plan.name,
        team=incident.team,
        dedup_key=incident.dedup_key,
    )


def _is_wanted(incident: Incident, wanted: IncidentFilter) -> bool:
    return (
        (wanted.states is None or incident.state in wanted.states)
        and (wanted.severity is None or incident.severity == wanted.severity)
        and (wanted.service is None or incident.service == wanted.service)
        and (wanted.playbook is None or incident.plan.name == wanted.playbook)
        and (wanted.storm is None or incident.member_of == wanted.storm)
        and (wanted.waiting is None or bool(incident.waits) is wanted.waiting)
        and (wanted.before_number is None or incident.number < wanted.before_number)
    )


def _figure(occurrence: Occurrence, measure: str, since: int) -> int | None:
    """One occurrence's part in a mean."""
    ends, fell_at = occurrence.acknowledged_at, occurrence.acknowledged_at
    if measure == "resolve":
        ends, fell_at = occurrence.ended_at, occurrence.resolved_at
    if not occurrence.counted or ends is None or fell_at is None or fell_at < since:
        return None
    return ends - occurrence.opened_at
