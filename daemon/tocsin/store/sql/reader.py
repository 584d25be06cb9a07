"""The queries of `ports.store.Reader` in SQL."""

from collections.abc import Iterator, Mapping, Sequence

from tocsin.core.alerts.alert import Episode
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.errors import TocsinError, UnknownName
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Mean
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.throttle import Surge
from tocsin.core.matching.condition import Likeness
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.roster import Roster
from tocsin.core.oncall.rotation import Override
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import AlertKey, Attempt, IncidentFilter, MessageRef, Unreadable
from tocsin.store.sql import (
    callback_statements,
    explanation_statements,
    oncall_statements,
    outbox_statements,
    rows,
    source_statements,
    statements,
    storm_statements,
    tables,
    window_statements,
)
from tocsin.store.sql.measure_queries import MeasureQueries
from tocsin.store.sql.queries import UNDECODABLE, Shared, chunks, padded

LARGEST = (1 << 63) - 1
"""The largest integer that a column can store."""

__all__ = ["LARGEST", "Shared", "SqlReader", "chunks", "padded"]


class SqlReader(MeasureQueries):
    """`ports.store.Reader` on one cursor, within a transaction that the caller has begun."""

    @property
    def now(self) -> int:
        """The time of the transaction, read once at its start."""
        return self._now

    def latest_episodes(self, keys: Sequence[AlertKey]) -> dict[AlertKey, Episode]:
        """See `ports.store.Reader`."""
        latest = self._of_many(statements.latest_episodes, keys)
        return {episode.key: episode for episode in (self._item(rows.EPISODE, row) for row in latest)}

    def episodes_of(self, incident_id: str, limit: int = 1000) -> list[Episode]:
        """See `ports.store.Reader`."""
        max_rows = limit + len(self._shared.unreadable)
        return self._items(rows.EPISODE, self._all(statements.EPISODES_OF, incident_id=incident_id, limit=max_rows))[
            :limit
        ]

    def every_episode_of(self, incident_id: str) -> Iterator[Episode]:
        """See `ports.store.Reader`."""
        return self._each(rows.EPISODE, statements.EPISODES_OF, incident_id=incident_id, limit=LARGEST)

    def episode(self, source: str, fingerprint: str, number: int) -> Episode | None:
        """See `ports.store.Reader`."""
        if not 0 <= number <= LARGEST:
            return None
        row = self._one(explanation_statements.EPISODE, source=source, fingerprint=fingerprint, episode=number)
        return None if row is None else self._item(rows.EPISODE, row)

    def episodes(self, fingerprint: str, source: str | None = None, limit: int = 50) -> list[Episode]:
        """See `ports.store.Reader`."""
        if source is None:
            episode_rows = self._all(
                explanation_statements.EPISODES_OF_FINGERPRINT, fingerprint=fingerprint, limit=limit
            )
        else:
            episode_rows = self._all(
                explanation_statements.EPISODES_OF_ALERT, source=source, fingerprint=fingerprint, limit=limit
            )
        return self._items(rows.EPISODE, episode_rows)

    def rules(self, sha: str) -> RuleSet | None:
        """See `ports.store.Reader`."""
        row = self._one(explanation_statements.RULES, sha=sha)
        if row is None:
            return None
        try:
            return RuleSet.from_json(row[0])
        except (*UNDECODABLE, TocsinError) as error:
            raise Unreadable(sha, error) from error

    def episodes_at(self, source: str, ended_since: int) -> Iterator[Episode]:
        """See `ports.store.Reader`."""
        result = self._each(rows.EPISODE, source_statements.EPISODES_AT, source=source, ended_since=ended_since)
        return (episode for episode in result if episode.stood_at(ended_since))

    def self_episodes(self, seen_before: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        return self._items(rows.EPISODE, self._all(statements.SELF_EPISODES, seen_before=seen_before))

    def episodes_after(self, after: tuple[str, str, int], seen_since: int, limit: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        source, fingerprint, episode = after
        episode_rows = self._all(
            statements.EPISODES_AFTER,
            source=source,
            fingerprint=fingerprint,
            episode=episode,
            seen_since=seen_since,
            limit=limit,
        )
        return self._items(rows.EPISODE, episode_rows)

    def episodes_begun(self, since: int, limit: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        return self._items(rows.EPISODE, self._all(window_statements.EPISODES_BEGUN, since=since, limit=limit))

    def incident(self, incident_id: str) -> Incident | None:
        """See `ports.store.Reader`."""
        row = self._one(self._locking(statements.INCIDENT_BY_ID), id=incident_id)
        if row is None and incident_id.isascii() and incident_id.isdigit() and int(incident_id) <= LARGEST:
            row = self._one(self._locking(statements.INCIDENT_BY_NUMBER), number=int(incident_id))
        return None if row is None else self._incident(row)

    def latest_incidents(self, dedup_keys: Sequence[str]) -> dict[str, Incident]:
        """See `ports.store.Reader`."""
        latest = self._of_many(
            lambda count: self._locking(statements.latest_incidents(count)), [(key,) for key in dedup_keys]
        )
        return {row[0]: self._incident(row[1:]) for row in latest}

    def open_alike(self, like: Likeness, limit: int = 2) -> list[str]:
        """See `ports.store.Reader`."""
        columns = ("service", "playbook", "team", "dedup_key")
        criteria = {name: value for name in columns if (value := getattr(like, name))}
        severities = {f"severity_{index}": name for index, name in enumerate(like.severity)}
        statement = statements.open_alike(frozenset(criteria), len(severities))
        return [row[0] for row in self._all(statement, limit=limit, **criteria, **severities)]

    def episodes_since(self, dedup_key: str, since: int) -> int:
        """See `ports.store.Reader`."""
        return self._long(statements.EPISODES_SINCE, dedup_key=dedup_key, since=since) or 0

    def incidents(self, filter_: IncidentFilter) -> list[Incident]:
        """See `ports.store.Reader`."""
        states = filter_.states or ()
        if filter_.states is not None and not states:
            return []
        criteria = {
            "severity": filter_.severity,
            "service": filter_.service,
            "playbook": filter_.playbook,
            "storm": filter_.storm,
            "waits": None if filter_.waiting is None else int(filter_.waiting),
            "before_number": filter_.before_number,
        }
        given = {name: value for name, value in criteria.items() if value is not None}
        among_open = filter_.states is not None and "resolved" not in states
        wanted = {"drafts": filter_.drafts, "open_duties": filter_.open_duties}
        fields = frozenset(given) | {name for name, is_wanted in wanted.items() if is_wanted}
        page = statements.incident_page(len(states), among_open, fields)
        of_states = {f"state_{index}": str(state) for index, state in enumerate(states)}
        return self._incidents(page, filter_.limit, **of_states, **given)

    def due_incidents(self, limit: int) -> list[Incident]:
        """See `ports.store.Reader`."""
        return self._incidents(self._locking(statements.DUE_INCIDENTS, skip_locked=True), limit, now=self._now)

    def next_due_at(self) -> int | None:
        """See `ports.store.Reader`."""
        unreadable = self._shared.unreadable
        earliest = self._all(statements.NEXT_DUE, limit=len(unreadable) + 1)
        return next((due_at for incident_id, due_at in earliest if incident_id not in unreadable), None)

    def due_at_of(self, incident_id: str) -> int | None:
        """See `ports.store.Reader`."""
        return self._long(statements.DUE_AT_OF, id=incident_id)

    def entries(self, incident_id: str, after_seq: int = 0, limit: int = 1000) -> list[Entry]:
        """See `ports.store.Reader`."""
        entry_rows = self._all(statements.ENTRIES, incident_id=incident_id, after_seq=after_seq, limit=limit)
        return self._items(rows.ENTRY, entry_rows)

    def outbox_of(self, incident_id: str, occurrence: int | None = None) -> list[Outgoing]:
        """See `ports.store.Reader`."""
        if occurrence is None:
            outbox_rows = self._all(outbox_statements.OUTBOX_OF, incident_id=incident_id)
        else:
            outbox_rows = self._all(
                outbox_statements.OUTBOX_OF_OCCURRENCE, incident_id=incident_id, occurrence=occurrence
            )
        return self._readable(self._outgoing, outbox_rows)

    def targets_of_step(self, row: Outgoing) -> list[str]:
        """See `ports.store.Reader`."""
        found = self._all(
            outbox_statements.TARGETS_OF_STEP,
            incident_id=row.incident_id,
            occurrence=row.occurrence,
            job=row.job,
            round=row.round,
            step=row.step,
        )
        return list(dict.fromkeys(target for (target,) in found))

    def outbox_row(self, key: str) -> Outgoing | None:
        """See `ports.store.Reader`."""
        row = self._one(outbox_statements.OUTBOX_ROW, key=key)
        return None if row is None else self._outgoing(row)

    def pages_to(self, destination: str, limit: int = 200) -> list[Outgoing]:
        """See `ports.callback_store.CallbackReader`."""
        outbox_rows = self._all(callback_statements.PAGES_TO, destination=destination, limit=limit)
        return self._readable(self._outgoing, outbox_rows)

    def linked_pages(self, provider: str, ref: str) -> list[str]:
        """See `ports.callback_store.CallbackReader`."""
        return [row[0] for row in self._all(callback_statements.LINKED_PAGES, provider=provider, ref=ref)]

    def next_claim_at(self) -> int | None:
        """See `ports.store.Reader`."""
        moments = (self._long(outbox_statements.NEXT_FREE_AT), self._long(outbox_statements.NEXT_LEASE_ENDS_AT))
        return min((moment for moment in moments if moment is not None), default=None)

    def overdue_pages(self) -> list[Outgoing]:
        """See `ports.store.Reader`."""
        return self._readable(self._outgoing, self._all(outbox_statements.OVERDUE_PAGES, now=self._now))

    def next_overdue_at(self) -> int | None:
        """See `ports.store.Reader`."""
        return self._long(outbox_statements.NEXT_OVERDUE_AT)

    def attempts_of(self, key: str) -> list[Attempt]:
        """See `ports.store.Reader`."""
        return self._items(rows.ATTEMPT, self._all(outbox_statements.ATTEMPTS_OF, key=key))

    def message_ref(self, incident_id: str, channel: str, destination: str) -> MessageRef | None:
        """See `ports.store.Reader`."""
        row = self._one(statements.MESSAGE_REF, incident_id=incident_id, channel=channel, destination=destination)
        return None if row is None else MessageRef(*row)

    def heartbeats(self) -> dict[str, Heartbeat]:
        """See `ports.store.Reader`."""
        heartbeats = self._items(rows.HEARTBEAT, self._all(statements.HEARTBEATS))
        return {heartbeat.source: heartbeat for heartbeat in heartbeats}

    def moments(self, prefix: str) -> dict[str, int]:
        """See `ports.oncall_store.OnCallReader`."""
        return {name: at for name, at in self._all(statements.MOMENTS) if name.startswith(prefix)}

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """See `ports.store.Reader`."""
        return self._items(rows.QUARANTINED, self._all(statements.QUARANTINED, limit=limit))

    def windows(self, over_after: int) -> list[HandMade]:
        """See `ports.store.Reader`."""
        return self._items(rows.WINDOW, self._all(window_statements.ENDING_AFTER, over_after=over_after))

    def window(self, window_id: str) -> HandMade | None:
        """See `ports.store.Reader`."""
        row = self._one(window_statements.BY_ID, id=window_id)
        return None if row is None else self._item(rows.WINDOW, row)

    def overrides(self, over_after: int) -> list[Override]:
        """See `ports.oncall_store.OnCallReader`."""
        return self._items(rows.OVERRIDE, self._all(oncall_statements.ENDING_AFTER, over_after=over_after))

    def override(self, override_id: str) -> Override | None:
        """See `ports.oncall_store.OnCallReader`."""
        row = self._one(oncall_statements.BY_ID, id=override_id)
        return None if row is None else self._item(rows.OVERRIDE, row)

    def rosters(self) -> dict[str, Roster]:
        """See `ports.oncall_store.OnCallReader`."""
        rosters = self._items(rows.ROSTER, self._all(oncall_statements.ROSTERS))
        return {roster.source: roster for roster in rosters}

    def means(self, measure: str, since: int) -> list[Mean]:
        """See `ports.store.Reader`.

        Raises:
            UnknownName: The store keeps no such measure.
        """
        statement = statements.MEANS.get(measure)
        if statement is None:
            raise UnknownName(f"unknown measure {measure!r}; known: {', '.join(statements.MEANS)}")
        return [
            Mean(playbook, severity, int(total) / count / 1_000_000, count)
            for playbook, severity, total, count in self._all(statement, since=since)
        ]

    def open_counts(self) -> Mapping[tuple[str, str, str], int]:
        """See `ports.store.Reader`."""
        return {row[:3]: row[3] for row in self._all(statements.OPEN_COUNTS)}

    def exhausted_counts(self) -> Mapping[str, int]:
        """See `ports.store.Reader`."""
        return dict(self._all(statements.EXHAUSTED_COUNTS))

    def surge(self, target: str) -> Surge | None:
        """See `ports.store.Reader`."""
        row = self._one(self._locking(storm_statements.SURGE, of=tables.surges), target=target)
        return None if row is None else self._item(rows.SURGE, row)

    def open_storms(self) -> Mapping[str, int]:
        """See `ports.store.Reader`."""
        return dict(self._all(storm_statements.OPEN_STORMS))

    def outbox_depth(self) -> Mapping[str, tuple[int, int]]:
        """See `ports.store.Reader`."""
        return {channel: (count, oldest) for channel, count, oldest in self._all(outbox_statements.OUTBOX_DEPTH)}
