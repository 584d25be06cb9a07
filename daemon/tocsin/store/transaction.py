"""The writes of the port, in SQL."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from tocsin.core.alert import Episode
from tocsin.core.errors import Conflict, UnknownName
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Occurrence
from tocsin.core.outbox import LEVEL_TRIGGERED, Outgoing
from tocsin.core.playbook import DAY, Playbook
from tocsin.core.quarantine import Quarantined
from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.core.rules import RuleSet
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.store import Attempt, MessageRef
from tocsin.store import (
    callback_statements,
    explaining,
    forgetting,
    oncall_statements,
    outbox_statements,
    rows,
    statements,
    storms,
    tables,
    window_statements,
)
from tocsin.store.dialect import Compiler, Cursor, Insert, Query, Row
from tocsin.store.doom import Doomed, write
from tocsin.store.lanes import is_free, says
from tocsin.store.reader import Shared, SqlReader, chunks, padded

INCIDENT_NUMBERS = "incident numbers"
PROBE = "last probe"


_SETTLE = (*rows.OUTGOING.columns, "held_fence")


class SqlTransaction(SqlReader, Doomed):
    """`ports.store.Transaction` over one cursor; the caller begins, commits and rolls back."""

    def __init__(
        self,
        cursor: Cursor,
        compiler: Compiler,
        shared: Shared,
        now: int,
        taken: type[Exception],
    ) -> None:
        """``taken`` is what the driver raises where a unique key is there already."""
        super().__init__(cursor, compiler, shared, now)
        self._taken = taken
        self._plans_saved: set[str] = set()
        self._rules_saved: set[str] = set()

    @write
    def put_episodes(self, episodes: Sequence[Episode]) -> None:
        """See `ports.store.Transaction`."""
        self._put_all(statements.PUT_EPISODE, rows.EPISODE.columns, map(rows.EPISODE.row, episodes))

    @write
    def insert_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; their plans are saved with them.

        Raises:
            Conflict: Its dedup key has an open incident, or its id or number is taken.
        """
        self._save_plans(incidents)
        self._put_all(statements.INSERT_INCIDENT, rows.INCIDENT_COLUMNS, map(rows.incident_row, incidents))

    @write
    def update_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; their plans are saved with them.

        Raises:
            UnknownName: There is no such incident.
            Conflict: Another incident with its dedup key is open.
        """
        self._save_plans(incidents)
        given = [rows.incident_row(incident) for incident in incidents]
        update = self._sql(statements.UPDATE_INCIDENT)
        self._cursor.executemany(update.sql, map(update.reorder(rows.INCIDENT_COLUMNS), given))
        changed = self._cursor.rowcount
        if changed != len(given):
            raise UnknownName(f"{len(given) - changed} of {len(given)} incidents to update do not exist")
        for piece in padded(given):
            self._run_many(statements.move_incidents, piece)

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
        sha, known = rules.sha, self._shared.rules_used
        if sha in self._rules_saved or known.get(sha, self._now - DAY) > self._now - DAY:
            return
        used_at = self._long(explaining.RULES_USED_AT, sha=sha)
        if used_at is None:
            self._put(explaining.SAVE_RULES, ("sha", "body", "used_at"), (sha, rules.to_json(), self._now))
        elif used_at <= self._now - DAY:
            self._put(explaining.USE_RULES, ("sha", "used_at"), (sha, self._now))
        else:
            # Only what was found is committed for certain.
            known[sha] = used_at
        self._rules_saved.add(sha)

    @write
    def append_entries(self, entries: Sequence[Entry]) -> None:
        """See `ports.store.Transaction`.

        Raises:
            Conflict: There is an entry with this number already.
        """
        self._put_all(statements.APPEND_ENTRY, rows.ENTRY.columns, map(rows.ENTRY.row, entries))

    @write
    def enqueue(self, rows_: Sequence[Outgoing]) -> int:
        """See `ports.store.Transaction`."""
        wanted = map(rows.OUTGOING.row, self._unsaid(rows_))
        return self._put_all(outbox_statements.ENQUEUE, rows.OUTGOING.columns, wanted)

    def _unsaid(self, rows_: Sequence[Outgoing]) -> Iterator[Outgoing]:
        """All but the level-triggered rows for which another one that says the same is waiting."""
        asked = [(row.key, *says(row)) for row in rows_ if row.job in LEVEL_TRIGGERED]
        needless = {key for (key,) in self._of_many(outbox_statements.already_said, asked, self._now)}
        said = set[tuple[str, ...]]()
        for row in rows_:
            if row.job in LEVEL_TRIGGERED:
                if row.key in needless or says(row) in said:
                    continue
                if is_free(row, self._now):
                    said.add(says(row))
            yield row

    @write
    def replace_row(self, row: Outgoing) -> None:
        """See `ports.store.Transaction`.

        Raises:
            UnknownName: There is no such row.
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
        wanted = limit + len(self._shared.unreadable)
        found = self._all(statement(len(excluded)), now=self._now, limit=wanted, **excluded)
        return self._readable(self._outgoing, found)[:limit]

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
    def first_sight(self, origin: str, key: str) -> bool:
        """See `ports.callback_store.CallbackWriter`."""
        return self._put(callback_statements.SEE, ("origin", "key", "seen_at"), (origin, key, self._now)) == 1

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
            self._do(statements.FORGET_QUARANTINED, limit=keep)
        else:
            self._do(statements.QUARANTINED_AGAIN, id=item.id, last_at=item.last_at, alerts=item.alerts)

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
        return self._do(oncall_statements.FORGET, before=at)

    @write
    def put_occurrence(self, occurrence: Occurrence) -> None:
        """See `ports.store.Transaction`."""
        self._put(statements.PUT_OCCURRENCE, rows.OCCURRENCE.columns, rows.OCCURRENCE.row(occurrence))

    @write
    def forget_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        return self._do(forgetting.INBOUND, before=at)

    @write
    def forget_windows_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        return self._do(window_statements.FORGET, before=at)

    @write
    def forget_incidents_before(self, at: int, limit: int) -> int:
        """See `ports.store.Transaction`."""
        found = self._all(self._locking(forgetting.OLD_INCIDENTS, skip_locked=True), before=at, limit=limit)
        for chunk in chunks(found):
            for delete in forgetting.these_incidents(len(chunk)):
                self._run(self._sql(delete).sql, tuple(chain.from_iterable(chunk)))
        self._do(forgetting.LOOSE_EPISODES, before=at, limit=limit)
        return len(found)

    @write
    def forget_rules_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        self._shared.rules_used.clear()
        return self._do(forgetting.RULES, before=at)

    @write
    def put_surges(self, surges: Sequence[Surge]) -> None:
        """See `ports.store.Transaction`."""
        self._put_all(storms.PUT_SURGE, rows.SURGE.columns, map(rows.SURGE.row, surges))

    @write
    def end_leases(self) -> None:
        """Free what another daemon had claimed, for a store that has one daemon: whoever held it is gone."""
        self._do(outbox_statements.END_LEASES, now=self._now)

    @write
    def probe(self) -> None:
        """See `ports.store.Transaction`."""
        self._put(statements.PROBE, ("name", "value"), (PROBE, self._now))

    def _locking(
        self, select: sa.Select[Any], *, of: sa.Table = tables.incidents, skip_locked: bool = False
    ) -> sa.Select[Any]:
        """Locked, where several nodes write."""
        return statements.locking(select, of=of, skip_locked=skip_locked)

    def _save_plans(self, incidents: Iterable[Incident]) -> None:
        for plan in {incident.plan.sha: incident.plan for incident in incidents}.values():
            self.save_plan(plan)

    def _do(self, statement: Query, **given: Any) -> int:
        compiled = self._sql(statement)
        self._cursor.execute(compiled.sql, compiled.arguments(given))
        return self._cursor.rowcount

    def _put(self, statement: Query, columns: tuple[str, ...], row: Row) -> int:
        """Write one row of these columns; returns how many there were to write."""
        compiled = self._sql(statement)
        return self._run(compiled.sql, compiled.reorder(columns)(row))

    def _put_all(self, statement: Insert, columns: tuple[str, ...], given: Iterable[Row]) -> int:
        """Insert rows of these columns; returns how many there were to write."""
        reorder = self._sql(statement).reorder(columns)
        return sum(self._run_many(statement.times, piece) for piece in chunks([reorder(row) for row in given]))

    def _run_many(self, statement: Callable[[int], Query], piece: Sequence[Row]) -> int:
        return self._run(self._sql(statement(len(piece))).sql, tuple(chain.from_iterable(piece)))

    def _run(self, sql: str, parameters: Row) -> int:
        try:
            self._cursor.execute(sql, parameters)
        except self._taken as error:
            raise Conflict(f"written already, or another is open: {error}") from error
        return self._cursor.rowcount
