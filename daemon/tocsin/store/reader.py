"""The questions of the port, asked in SQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import structlog

from tocsin.core.alert import Episode
from tocsin.core.condition import Likeness
from tocsin.core.errors import TocsinError, UnknownName
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Mean
from tocsin.core.outbox import Outgoing
from tocsin.core.playbook import Playbook
from tocsin.core.quarantine import Quarantined
from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.core.rules import RuleSet
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.store import AlertKey, Attempt, IncidentFilter, MessageRef, Unreadable
from tocsin.store import (
    callback_statements,
    explaining,
    oncall_statements,
    outbox_statements,
    rows,
    source_statements,
    statements,
    storms,
    tables,
    window_statements,
)
from tocsin.store.dialect import Compiler, Cursor, Query, Row

LARGEST = (1 << 63) - 1

_KEY = rows.OUTGOING.columns.index("key")

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_UNDECODABLE = (msgspec.MsgspecError, ValueError, LookupError, TypeError)
"""What decoding raises."""

_log = structlog.get_logger(__name__)


@dataclass
class Shared:
    """What all that read one store know together, in whatever threads they run."""

    plans: dict[str, Playbook] = field(default_factory=dict)
    """By sha, decoded once: what a sha names never changes."""

    rules_used: dict[str, int] = field(default_factory=dict)
    """By sha, when the rule set was last seen to be noted as in use: for a day nobody has to look again."""

    unreadable: frozenset[str] = frozenset()
    """See `ports.store.Store`. Replaced, never changed: a thread that loses the race finds its row again."""

    def cannot_read(self, key: str, error: Exception) -> Unreadable:
        """Remember a row that cannot be decoded, and log it the first time; returns what to raise."""
        if key not in self.unreadable:
            self.unreadable |= {key}
            _log.error("a row cannot be read", key=key, error=repr(error))
        return Unreadable(key, error)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in pieces whose sizes are those of `statements.CHUNKS`."""
    start = 0
    while start < len(items):
        size = next(size for size in statements.CHUNKS if size <= len(items) - start)
        yield items[start : start + size]
        start += size


def padded(items: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The items in fewer pieces of the same sizes: the last is filled up with NULLs, which equal nothing."""
    largest = statements.CHUNKS[0]
    for start in range(0, len(items), largest):
        piece = items[start : start + largest]
        size = min(size for size in statements.CHUNKS if size >= len(piece))
        yield [*piece, *[(None,) * len(piece[0])] * (size - len(piece))]


class SqlReader:
    """`ports.store.Reader` over one cursor, within a transaction that somebody else began."""

    def __init__(self, cursor: Cursor, compiler: Compiler, shared: Shared, now: int) -> None:
        self._cursor = cursor
        self._sql = compiler
        self._shared = shared
        self._now = now

    @property
    def now(self) -> int:
        """The store's clock, read once when the transaction began."""
        return self._now

    def latest_episodes(self, keys: Sequence[AlertKey]) -> dict[AlertKey, Episode]:
        """See `ports.store.Reader`."""
        found = self._of_many(statements.latest_episodes, keys)
        return {episode.key: episode for episode in (self._item(rows.EPISODE, row) for row in found)}

    def episodes_of(self, incident_id: str, limit: int = 1000) -> list[Episode]:
        """See `ports.store.Reader`."""
        wanted = limit + len(self._shared.unreadable)
        return self._items(rows.EPISODE, self._all(statements.EPISODES_OF, incident_id=incident_id, limit=wanted))[
            :limit
        ]

    def episode(self, source: str, fingerprint: str, number: int) -> Episode | None:
        """See `ports.store.Reader`."""
        if not 0 <= number <= LARGEST:
            return None
        row = self._one(explaining.EPISODE, source=source, fingerprint=fingerprint, episode=number)
        return None if row is None else self._item(rows.EPISODE, row)

    def episodes(self, fingerprint: str, source: str | None = None, limit: int = 50) -> list[Episode]:
        """See `ports.store.Reader`."""
        if source is None:
            found = self._all(explaining.EPISODES_OF_FINGERPRINT, fingerprint=fingerprint, limit=limit)
        else:
            found = self._all(explaining.EPISODES_OF_ALERT, source=source, fingerprint=fingerprint, limit=limit)
        return self._items(rows.EPISODE, found)

    def rules(self, sha: str) -> RuleSet | None:
        """See `ports.store.Reader`."""
        row = self._one(explaining.RULES, sha=sha)
        if row is None:
            return None
        try:
            return RuleSet.from_json(row[0])
        except (*_UNDECODABLE, TocsinError) as error:
            raise Unreadable(sha, error) from error

    def episodes_at(self, source: str, ended_since: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        found = self._all(source_statements.EPISODES_AT, source=source, ended_since=ended_since)
        return [episode for episode in self._items(rows.EPISODE, found) if episode.stood_at(ended_since)]

    def self_episodes(self, seen_before: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        return self._items(rows.EPISODE, self._all(statements.SELF_EPISODES, seen_before=seen_before))

    def episodes_after(self, after: tuple[str, str, int], seen_since: int, limit: int) -> list[Episode]:
        """See `ports.store.Reader`."""
        source, fingerprint, episode = after
        found = self._all(
            statements.EPISODES_AFTER,
            source=source,
            fingerprint=fingerprint,
            episode=episode,
            seen_since=seen_since,
            limit=limit,
        )
        return self._items(rows.EPISODE, found)

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
        found = self._of_many(
            lambda many: self._locking(statements.latest_incidents(many)), [(key,) for key in dedup_keys]
        )
        return {row[0]: self._incident(row[1:]) for row in found}

    def open_alike(self, like: Likeness, limit: int = 2) -> list[str]:
        """See `ports.store.Reader`."""
        columns = ("service", "playbook", "team", "dedup_key")
        given = {name: value for name in columns if (value := getattr(like, name))}
        severities = {f"severity_{index}": name for index, name in enumerate(like.severity)}
        statement = statements.open_alike(frozenset(given), len(severities))
        return [row[0] for row in self._all(statement, limit=limit, **given, **severities)]

    def episodes_since(self, dedup_key: str, since: int) -> int:
        """See `ports.store.Reader`."""
        return self._long(statements.EPISODES_SINCE, dedup_key=dedup_key, since=since) or 0

    def incidents(self, wanted: IncidentFilter) -> list[Incident]:
        """See `ports.store.Reader`."""
        states = wanted.states or ()
        if wanted.states is not None and not states:
            return []
        asked = {
            "severity": wanted.severity,
            "service": wanted.service,
            "playbook": wanted.playbook,
            "storm": wanted.storm,
            "waits": None if wanted.waiting is None else int(wanted.waiting),
            "before_number": wanted.before_number,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        among_open = wanted.states is not None and "resolved" not in states
        page = statements.incident_page(len(states), among_open, frozenset(given))
        of_states = {f"state_{index}": str(state) for index, state in enumerate(states)}
        return self._incidents(page, wanted.limit, **of_states, **given)

    def due_incidents(self, limit: int) -> list[Incident]:
        """See `ports.store.Reader`."""
        return self._incidents(self._locking(statements.DUE_INCIDENTS, skip_locked=True), limit, now=self._now)

    def next_due_at(self) -> int | None:
        """See `ports.store.Reader`."""
        unreadable = self._shared.unreadable
        soon = self._all(statements.NEXT_DUE, limit=len(unreadable) + 1)
        return next((due_at for incident_id, due_at in soon if incident_id not in unreadable), None)

    def due_at_of(self, incident_id: str) -> int | None:
        """See `ports.store.Reader`."""
        return self._long(statements.DUE_AT_OF, id=incident_id)

    def entries(self, incident_id: str, after_seq: int = 0, limit: int = 1000) -> list[Entry]:
        """See `ports.store.Reader`."""
        found = self._all(statements.ENTRIES, incident_id=incident_id, after_seq=after_seq, limit=limit)
        return self._items(rows.ENTRY, found)

    def outbox_of(self, incident_id: str, occurrence: int | None = None) -> list[Outgoing]:
        """See `ports.store.Reader`."""
        if occurrence is None:
            found = self._all(outbox_statements.OUTBOX_OF, incident_id=incident_id)
        else:
            found = self._all(outbox_statements.OUTBOX_OF_OCCURRENCE, incident_id=incident_id, occurrence=occurrence)
        return self._readable(self._outgoing, found)

    def outbox_row(self, key: str) -> Outgoing | None:
        """See `ports.store.Reader`."""
        row = self._one(outbox_statements.OUTBOX_ROW, key=key)
        return None if row is None else self._outgoing(row)

    def pages_to(self, destination: str, limit: int = 200) -> list[Outgoing]:
        """See `ports.callback_store.CallbackReader`."""
        found = self._all(callback_statements.PAGES_TO, destination=destination, limit=limit)
        return self._readable(self._outgoing, found)

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
        found = self._items(rows.HEARTBEAT, self._all(statements.HEARTBEATS))
        return {heartbeat.source: heartbeat for heartbeat in found}

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
        found = self._items(rows.ROSTER, self._all(oncall_statements.ROSTERS))
        return {roster.source: roster for roster in found}

    def means(self, measure: str, since: int) -> list[Mean]:
        """See `ports.store.Reader`.

        Raises:
            UnknownName: There is no such measure.
        """
        statement = statements.MEANS.get(measure)
        if statement is None:
            raise UnknownName(f"no mean is kept of {measure!r}")
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
        row = self._one(self._locking(storms.SURGE, of=tables.surges), target=target)
        return None if row is None else self._item(rows.SURGE, row)

    def open_storms(self) -> Mapping[str, int]:
        """See `ports.store.Reader`."""
        return dict(self._all(storms.OPEN_STORMS))

    def outbox_depth(self) -> Mapping[str, tuple[int, int]]:
        """See `ports.store.Reader`."""
        return {channel: (count, oldest) for channel, count, oldest in self._all(outbox_statements.OUTBOX_DEPTH)}

    def _all(self, statement: Query, **given: Any) -> Sequence[Row]:
        compiled = self._sql(statement)
        self._cursor.execute(compiled.sql, compiled.arguments(given))
        return self._cursor.fetchall()

    def _one(self, statement: Query, **given: Any) -> Row | None:
        found = self._all(statement, **given)
        return found[0] if found else None

    def _long(self, statement: Query, **given: Any) -> int | None:
        row = self._one(statement, **given)
        return None if row is None or row[0] is None else int(row[0])

    def _of_many(self, statement: statements.OfMany, keys: Sequence[tuple[str, ...]], *others: Any) -> Iterator[Row]:
        """The rows for many keys, in chunks of few sizes; the keys stand before the other parameters in the text."""
        for chunk in padded(keys):
            values = (*chain.from_iterable(chunk), *others)
            self._cursor.execute(self._sql(statement(len(chunk))).sql, values)
            yield from self._cursor.fetchall()

    def _locking(
        self,
        select: sa.Select[Any],
        *,
        of: sa.Table = tables.incidents,  # noqa: ARG002 - see SqlTransaction
        skip_locked: bool = False,  # noqa: ARG002
    ) -> sa.Select[Any]:
        """The statement as it is: who only reads holds nobody up."""
        return select

    def _readable(self, decode: Callable[[Row], T], found: Sequence[Row]) -> list[T]:
        """The rows that can be decoded; look for more than are wanted, or those that cannot would use up the limit."""
        readable: list[T] = []
        for row in found:
            with suppress(Unreadable):
                readable.append(decode(row))
        return readable

    def _item(self, codec: rows.Codec[S], row: Row) -> S:
        try:
            return codec.item(row)
        except _UNDECODABLE as error:
            raise self._shared.cannot_read(codec.name_of(row), error) from error

    def _items(self, codec: rows.Codec[S], found: Sequence[Row]) -> list[S]:
        return self._readable(lambda row: self._item(codec, row), found)

    def _incidents(self, statement: Query, limit: int, **given: Any) -> list[Incident]:
        found = self._all(statement, limit=limit + len(self._shared.unreadable), **given)
        return self._readable(self._incident, found)[:limit]

    def _incident(self, row: Row) -> Incident:
        incident_id, sha, body = row
        try:
            return rows.incident(body, self._plan(sha))
        except _UNDECODABLE as error:
            raise self._shared.cannot_read(incident_id, error) from error

    def _plan(self, sha: str) -> Playbook:
        plan = self._shared.plans.get(sha)
        if plan is None:
            (saved,) = self._all(statements.PLAN, sha=sha)
            plan = self._shared.plans[sha] = Playbook.from_json(saved[0])
        return plan

    def _outgoing(self, row: Row) -> Outgoing:
        try:
            return rows.OUTGOING.item(row)
        except _UNDECODABLE as error:
            raise self._shared.cannot_read(row[_KEY], error) from error
