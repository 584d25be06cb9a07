"""The writes of `ports.store.Transaction` in SQL."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from tocsin.core.alerts.alert import Episode
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.duration import DAY
from tocsin.core.errors import Conflict, UnknownName
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import LEVEL_TRIGGERED, Outgoing
from tocsin.core.incident.throttle import Surge
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.roster import Roster
from tocsin.core.oncall.rotation import Override
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import Attempt, MessageRef
from tocsin.store.sql import (
    callback_statements,
    explanation_statements,
    oncall_statements,
    outbox_statements,
    retention,
    rows,
    statements,
    storm_statements,
    tables,
    window_statements,
)
from tocsin.store.sql.dialect import Compiler, Cursor, Insert, Query, Row
from tocsin.store.sql.lanes import is_free, message_key
from tocsin.store.sql.poisoned_batches import Poisonable, write
from tocsin.store.sql.reader import Shared, SqlReader, chunks, padded

INCIDENT_NUMBERS = "incident numbers"
"""Name of the counter of incident numbers."""
PROBE = "last probe"
"""Name of the moment that `SqlTransaction.probe` writes."""

_SETTLE = (*rows.OUTGOING.columns, "held_fence")


class SqlTransaction(SqlReader, Poisonable):
    """`ports.store.Transaction` on one cursor; the caller begins, commits and rolls back."""

    def __init__(
        self,
        cursor: Cursor,
        compiler: Compiler,
        shared: Shared,
        now: int,
        key_exists: type[Exception],
    ) -> None:
        """Create a transaction; ``key_exists`` is the driver's exception for a duplicate unique key."""
        super().__init__(cursor, compiler, shared, now)
        self._key_exists = key_exists
        self._plans_saved: set[str] = set()
        self._rules_saved: set[str] = set()

    @write
    def put_episodes(self, episodes: Sequence[Episode]) -> None:
        """See `ports.store.Transaction`."""
        self._put_all(statements.PUT_EPISODE, rows.EPISODE.columns, map(rows.EPISODE.row, episodes))

    @write
    def insert_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; this also saves the plans of the incidents.

        Raises:
            Conflict: A dedup key already has an open incident, or an id or a number already exists.
        """
        self._save_plans(incidents)
        self._put_all(statements.INSERT_INCIDENT, rows.INCIDENT_COLUMNS, map(rows.incident_row, incidents))

    @write
    def update_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; this also saves the plans of the incidents.

        Raises:
            UnknownName: An incident does not exist.
            Conflict: A dedup key already has another open incident.
        """
        self._save_plans(incidents)
        incident_rows = [rows.incident_row(incident) for incident in incidents]
        update = self._sql(statements.UPDATE_INCIDENT)
        self._cursor.executemany(update.sql, map(update.reorder(rows.INCIDENT_COLUMNS), incident_rows))
        changed, total = self._cursor.rowcount, len(incident_rows)
        if changed != total:
            raise UnknownName(f"{total - changed} of {total} incidents to update do not exist")
        for chunk in padded(incident_rows):
            self._run_many(statements.move_incidents, chunk)

    @write
    def next_numbers(self, count: int) -> int:
        """See `ports.store.Transaction`."""
        last = self._long(statements.COUNT_ON, counter=INCIDENT_NUMBERS, by=count)
        if last is None:
            self._put(statements.START_COUNTER, ("name", "value"), (INCIDENT_NUMBERS, 0))
            return self.next_numbers(count)
        return last - count + 1

    @write
    def save_plan(self, plan: Playbook) -> None:
        """See `ports.store.Transaction`."""
        sha = plan.sha
        if sha in self._plans_saved:
            return
        if self._one(statements.PLAN, sha=sha) is None:
            self._put(statements.SAVE_PLAN, ("sha", "body"), (sha, plan.to_json().decode()))
        self._plans_saved.add(sha)
        self._shared.plans.setdefault(sha, plan)

    @write
    def save_rules(self, rules: RuleSet) -> None:
        """See `ports.store.Transaction`."""
        sha, known_used_at = rules.sha, self._shared.rules_used
        if sha in self._rules_saved or known_used_at.get(sha, self._now - DAY) > self._now - DAY:
            return
        used_at = self._long(explanation_statements.RULES_USED_AT, sha=sha)
        if used_at is None:
            self._put(explanation_statements.SAVE_RULES, ("sha", "body", "used_at"), (sha, rules.to_json(), self._now))
        elif used_at <= self._now - DAY:
            self._put(explanation_statements.USE_RULES, ("sha", "used_at"), (sha, self._now))
        else:
            # Cache only what was read: the two writes above may still be rolled back.
            known_used_at[sha] = used_at
        self._rules_saved.add(sha)

    @write
    def append_entries(self, entries: Sequence[Entry]) -> None:
        """See `ports.store.Transaction`.

        Raises:
            Conflict: An entry with this number already exists.
        """
        self._put_all(statements.APPEND_ENTRY, rows.ENTRY.columns, map(rows.ENTRY.row, entries))

    @write
    def enqueue(self, rows_: Sequence[Outgoing]) -> int:
        """See `ports.store.Transaction`."""
        encoded = map(rows.OUTGOING.row, self._without_redundant(rows_))
        return self._put_all(outbox_statements.ENQUEUE, rows.OUTGOING.columns, encoded)

    def _without_redundant(self, rows_: Sequence[Outgoing]) -> Iterator[Outgoing]:
        """Yield the rows, except level-triggered rows whose message another unclaimed row has already."""
        keys = [(row.key, *message_key(row)) for row in rows_ if row.job in LEVEL_TRIGGERED]
        redundant_keys = {key for (key,) in self._of_many(outbox_statements.redundant_rows, keys, self._now)}
        messages = set[tuple[str, ...]]()
        for row in rows_:
            if row.job in LEVEL_TRIGGERED:
                if row.key in redundant_keys or message_key(row) in messages:
                    continue
                if is_free(row, self._now):
                    messages.add(message_key(row))
            yield row

    @write
    def replace_row(self, row: Outgoing) -> None:
        """See `ports.store.Transaction`.

        Raises:
            UnknownName: The row does not exist.
        """
        if not self._put(outbox_statements.REPLACE_ROW, rows.OUTGOING.columns, rows.OUTGOING.row(row)):
            raise UnknownName(f"the outbox has no row {row.key}")

    def claimable(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """See `ports.store.Transaction`."""
        return self._claimable(outbox_statements.claimable, limit, exclude)

    def claimable_for_pages(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """See `ports.store.Transaction`."""
        return self._claimable(outbox_statements.claimable_for_pages, limit, exclude)

    def _claimable(
        self, statement: Callable[[int], sa.Select[Any]], limit: int, exclude: frozenset[str]
    ) -> list[Outgoing]:
        excluded = {f"not_{index}": channel for index, channel in enumerate(sorted(exclude))}
        max_rows = limit + len(self._shared.unreadable)
        outbox_rows = self._all(statement(len(excluded)), now=self._now, limit=max_rows, **excluded)
        return self._readable(self._outgoing, outbox_rows)[:limit]

    @write
    def settle(self, row: Outgoing, fence: int) -> bool:
        """See `ports.store.Transaction`."""
        return self._put(outbox_statements.SETTLE, _SETTLE, (*rows.OUTGOING.row(row), fence)) == 1

    @write
    def put_attempt(self, attempt: Attempt) -> None:
        """See `ports.store.Transaction`."""
        self._put(outbox_statements.PUT_ATTEMPT, rows.ATTEMPT.columns, rows.ATTEMPT.row(attempt))

    @write
    def put_message_ref(self, incident_id: str, channel: str, destination: str, ref: MessageRef) -> None:
        """See `ports.store.Transaction`."""
        columns = ("incident_id", "channel", "destination", "ref", "seq")
        self._put(statements.PUT_MESSAGE_REF, columns, (incident_id, channel, destination, ref.ref, ref.seq))

    @write
    def record_inbound(self, origin: str, key: str) -> bool:
        """See `ports.callback_store.CallbackWriter`."""
        return self._put(callback_statements.PUT_INBOUND, ("origin", "key", "seen_at"), (origin, key, self._now)) == 1

    @write
    def link_pages(self, provider: str, ref: str, keys: Sequence[str]) -> None:
        """See `ports.callback_store.CallbackWriter`."""
        links = [(provider, ref, key) for key in keys]
        self._put_all(callback_statements.LINK_PAGES, ("provider", "ref", "page_key"), links)

    @write
    def put_heartbeat(self, heartbeat: Heartbeat) -> None:
        """See `ports.store.Transaction`."""
        self._put(statements.PUT_HEARTBEAT, rows.HEARTBEAT.columns, rows.HEARTBEAT.row(heartbeat))

    @write
    def quarantine(self, item: Quarantined, keep: int) -> None:
        """See `ports.store.Transaction`."""
        if self._put(statements.QUARANTINE, rows.QUARANTINED.columns, rows.QUARANTINED.row(item)):
            self._execute(statements.FORGET_QUARANTINED, limit=keep)
        else:
            self._execute(statements.QUARANTINED_AGAIN, id=item.id, last_at=item.last_at, alerts=item.alerts)

    @write
    def put_window(self, window: HandMade) -> None:
        """See `ports.store.Transaction`."""
        self._put(window_statements.PUT, rows.WINDOW.columns, rows.WINDOW.row(window))

    @write
    def put_override(self, override: Override) -> None:
        """See `ports.oncall_store.OnCallWriter`."""
        self._put(oncall_statements.PUT, rows.OVERRIDE.columns, rows.OVERRIDE.row(override))

    @write
    def put_roster(self, roster: Roster) -> None:
        """See `ports.oncall_store.OnCallWriter`."""
        self._put(oncall_statements.PUT_ROSTER, rows.ROSTER.columns, rows.ROSTER.row(roster))

    @write
    def forget_overrides_before(self, at: int) -> int:
        """See `ports.oncall_store.OnCallWriter`."""
        return self._execute(oncall_statements.FORGET, before=at)

    @write
    def put_occurrence(self, occurrence: Occurrence) -> None:
        """See `ports.store.Transaction`."""
        self._put(statements.PUT_OCCURRENCE, rows.OCCURRENCE.columns, rows.OCCURRENCE.row(occurrence))

    @write
    def forget_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        return self._execute(retention.INBOUND, before=at)

    @write
    def forget_windows_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        return self._execute(window_statements.FORGET, before=at)

    @write
    def forget_incidents_before(self, at: int, limit: int) -> int:
        """See `ports.store.Transaction`."""
        ids = self._all(self._locking(retention.OLD_INCIDENTS, skip_locked=True), before=at, limit=limit)
        for chunk in chunks(ids):
            for delete in retention.these_incidents(len(chunk)):
                self._run(self._sql(delete).sql, tuple(chain.from_iterable(chunk)))
        self._execute(retention.LOOSE_EPISODES, before=at, limit=limit)
        return len(ids)

    @write
    def forget_rules_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        self._shared.rules_used.clear()
        return self._execute(retention.RULES, before=at)

    @write
    def put_surges(self, surges: Sequence[Surge]) -> None:
        """See `ports.store.Transaction`."""
        self._put_all(storm_statements.PUT_SURGE, rows.SURGE.columns, map(rows.SURGE.row, surges))

    @write
    def end_leases(self) -> None:
        """End all leases. Call this only at the start of the only daemon: all leases belong to its previous run."""
        self._execute(outbox_statements.END_LEASES, now=self._now)

    @write
    def probe(self) -> None:
        """See `ports.store.Transaction`."""
        self.put_moment(PROBE, self._now)

    @write
    def put_moment(self, name: str, at: int) -> None:
        """See `ports.oncall_store.OnCallWriter`."""
        self._put(statements.PUT_MOMENT, ("name", "value"), (name, at))

    def _locking(
        self, select: sa.Select[Any], *, of: sa.Table = tables.incidents, skip_locked: bool = False
    ) -> sa.Select[Any]:
        """Return the statement with row locks, for databases that several nodes write."""
        return statements.locking(select, of=of, skip_locked=skip_locked)

    def _save_plans(self, incidents: Iterable[Incident]) -> None:
        for plan in {incident.plan.sha: incident.plan for incident in incidents}.values():
            self.save_plan(plan)

    def _execute(self, statement: Query, **parameters: Any) -> int:
        """Execute a statement; return the number of rows it has written."""
        compiled = self._sql(statement)
        self._cursor.execute(compiled.sql, compiled.arguments(parameters))
        return self._cursor.rowcount

    def _put(self, statement: Query, columns: tuple[str, ...], row: Row) -> int:
        """Write one row with these columns; return the number of rows written.

        The number is 0 if the row exists and the statement leaves it unchanged.
        """
        compiled = self._sql(statement)
        return self._run(compiled.sql, compiled.reorder(columns)(row))

    def _put_all(self, statement: Insert, columns: tuple[str, ...], encoded: Iterable[Row]) -> int:
        """Insert rows with these columns; return the number of rows written."""
        reorder = self._sql(statement).reorder(columns)
        return sum(self._run_many(statement.times, chunk) for chunk in chunks([reorder(row) for row in encoded]))

    def _run_many(self, statement: Callable[[int], Query], chunk: Sequence[Row]) -> int:
        return self._run(self._sql(statement(len(chunk))).sql, tuple(chain.from_iterable(chunk)))

    def _run(self, sql: str, parameters: Row) -> int:
        try:
            self._cursor.execute(sql, parameters)
        except self._key_exists as error:
            raise Conflict(f"a row with this key already exists: {error}") from error
        return self._cursor.rowcount
