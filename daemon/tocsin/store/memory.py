"""The store in memory: for tests on a virtual clock, and for a look at tocsin without a file.

Everything is kept in plain dictionaries of immutable values, and every change
of one goes through `_Journal`, which can take all of them back.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.errors import Conflict, StoreUnavailable, UnknownName
from tocsin.core.escalation import next_due
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Occurrence
from tocsin.core.outbox import LEVEL_TRIGGERED, Outgoing, RowState
from tocsin.core.playbook import DAY, Playbook
from tocsin.core.quarantine import Quarantined
from tocsin.core.rules import RuleSet
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.clock import Clock
from tocsin.ports.store import Attempt, MessageRef, Reader, Transaction
from tocsin.store.doom import write
from tocsin.store.journal import Journal
from tocsin.store.lanes import PAGES_AT_ONCE, is_free, lane
from tocsin.store.memory_callbacks import CallbackWrites
from tocsin.store.memory_oncall import OnCallWrites
from tocsin.store.memory_reader import Data, MemoryReader

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class MemoryTransaction(MemoryReader, CallbackWrites, OnCallWrites):
    """`ports.store.Transaction` over the dictionaries."""

    def __init__(self, data: Data, now: int) -> None:
        super().__init__(data, now)
        self._journal = Journal()
        self._put = self._journal.put
        self._drop = self._journal.drop

    def roll_back(self) -> None:
        """Take back everything that was written."""
        self._journal.roll_back()

    @write
    def put_episodes(self, episodes: Sequence[Episode]) -> None:
        """See `ports.store.Transaction`."""
        data = self._data
        for episode in episodes:
            _encode(episode)
            full = (*episode.key, episode.episode)
            old = data.episodes.get(full)
            if old is not None and old.incident_id is not None and old.incident_id != episode.incident_id:
                self._drop(data.episodes_of[old.incident_id], full)
            if episode.incident_id is not None:
                self._put(self._within(data.episodes_of, episode.incident_id), full, None)
            self._put(data.episodes, full, episode)
            if episode.episode >= data.latest_episode.get(episode.key, episode.episode):
                self._put(data.latest_episode, episode.key, episode.episode)

    @write
    def insert_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; their plans are saved with them.

        Raises:
            Conflict: Its dedup key has an open incident, or its id or number is taken.
        """
        for incident in incidents:
            if incident.id in self._data.incidents or incident.number in self._data.numbers:
                raise Conflict(f"incident {incident.number} ({incident.id}) is there already")
            self._put(self._data.numbers, incident.number, incident.id)
            self._put(self._within(self._data.numbers_of, incident.dedup_key), incident.number, None)
            self._keep(incident)

    @write
    def update_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ports.store.Transaction`; their plans are saved with them.

        Raises:
            UnknownName: There is no such incident.
            Conflict: Another incident with its dedup key is open.
        """
        for incident in incidents:
            old = self._data.incidents.get(incident.id)
            if old is None or old.number != incident.number:
                raise UnknownName(f"there is no incident {incident.number} ({incident.id})")
            if self._data.open.get(old.dedup_key) == incident.id:
                self._drop(self._data.open, old.dedup_key)
            self._keep(incident)

    def _keep(self, incident: Incident) -> None:
        fields = msgspec.structs.asdict(incident)
        self.save_plan(fields.pop("plan"))
        _encode(fields)
        if incident.is_open:
            if incident.dedup_key in self._data.open:
                raise Conflict(f"dedup key {incident.dedup_key} has an open incident already")
            self._put(self._data.open, incident.dedup_key, incident.id)
        due_at = next_due(incident)
        if due_at is None:
            self._drop(self._data.due, incident.id)
        else:
            self._put(self._data.due, incident.id, due_at)
        self._put(self._data.incidents, incident.id, incident)

    @write
    def next_numbers(self, count: int) -> int:
        """See `ports.store.Transaction`."""
        last = self._data.counters.get("incidents", 0)
        self._put(self._data.counters, "incidents", last + count)
        return last + 1

    @write
    def save_plan(self, plan: Playbook) -> None:
        """See `ports.store.Transaction`."""
        if plan.sha not in self._data.plans:
            self._put(self._data.plans, plan.sha, plan)

    @write
    def save_rules(self, rules: RuleSet) -> None:
        """See `ports.store.Transaction`."""
        body, used_at = self._data.rules.get(rules.sha) or (rules.to_json(), self.now - DAY)
        if used_at <= self.now - DAY:
            self._put(self._data.rules, rules.sha, (body, self.now))

    @write
    def append_entries(self, entries: Sequence[Entry]) -> None:
        """See `ports.store.Transaction`.

        Raises:
            Conflict: There is an entry with this number already.
        """
        for entry in entries:
            timeline = self._within(self._data.entries, entry.incident_id)
            if entry.seq in timeline:
                raise Conflict(f"incident {entry.incident_id} has an entry {entry.seq} already")
            # As it would come back from a file: tuples are lists there, and nobody else holds the dictionary.
            _encode(entry)
            self._put(timeline, entry.seq, msgspec.structs.replace(entry, data=_decode(_encode(entry.data))))

    @write
    def enqueue(self, rows: Sequence[Outgoing]) -> int:
        """See `ports.store.Transaction`."""
        new = 0
        for row in rows:
            _encode(row)
            if row.key in self._data.outbox or (row.job in LEVEL_TRIGGERED and self._is_waiting(row)):
                continue
            order_no = self._data.counters.get("outbox", 0) + 1
            self._put(self._data.counters, "outbox", order_no)
            self._put(self._within(self._data.outbox_of, row.incident_id), row.key, None)
            self._store(msgspec.structs.replace(row, order_no=order_no))
            new += 1
        return new

    def _is_waiting(self, row: Outgoing) -> bool:
        others = (self._data.outbox[key] for key in self._data.pending.get(lane(row), ()))
        return any(other.job is row.job and is_free(other, self.now) for other in others)

    @write
    def replace_row(self, row: Outgoing) -> None:
        """See `ports.store.Transaction`.

        Raises:
            UnknownName: There is no such row.
        """
        old = self._data.outbox.get(row.key)
        if old is None:
            raise UnknownName(f"the outbox has no row {row.key}")
        _encode(row)
        if lane(old) != lane(row):
            self._drop(self._within(self._data.pending, lane(old)), row.key)
            self._drop(self._data.outbox_of[old.incident_id], row.key)
            self._put(self._within(self._data.outbox_of, row.incident_id), row.key, None)
        self._store(msgspec.structs.replace(row, order_no=old.order_no))

    def _store(self, row: Outgoing) -> None:
        waiting = self._within(self._data.pending, lane(row))
        if row.state is RowState.PENDING:
            self._put(waiting, row.key, None)
        else:
            self._drop(waiting, row.key)
        if not waiting:
            self._drop(self._data.pending, lane(row))
        self._put(self._data.outbox, row.key, row)

    def claimable(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """See `ports.store.Transaction`."""
        return self._ready(exclude)[:limit]

    def claimable_for_pages(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """See `ports.store.Transaction`."""
        pages = [row for row in self._waiting_pages() if self._is_ready(row, exclude) and not self._is_held_up(row)]
        lanes = {lane(page) for page in pages[:PAGES_AT_ONCE]}
        return [row for row in self._ready(exclude) if lane(row) in lanes][:limit]

    def _ready(self, exclude: frozenset[str]) -> list[Outgoing]:
        ready = [row for row in self._heads() if self._is_ready(row, exclude)]
        return sorted(ready, key=lambda row: (row.not_before, row.order_no))

    def _is_held_up(self, page: Outgoing) -> bool:
        """Whether something that has to go before it cannot go now."""
        before = (self._data.outbox[key] for key in self._data.pending[lane(page)])
        return any(row.order_no < page.order_no and not self._is_ready(row, frozenset()) for row in before)

    def _is_ready(self, row: Outgoing, exclude: frozenset[str]) -> bool:
        return row.not_before <= self.now and is_free(row, self.now) and row.channel not in exclude

    @write
    def settle(self, row: Outgoing, fence: int) -> bool:
        """See `ports.store.Transaction`."""
        old = self._data.outbox.get(row.key)
        if old is None or old.fence != fence or old.state is not RowState.PENDING:
            return False
        self.replace_row(row)
        return True

    @write
    def put_attempt(self, attempt: Attempt) -> None:
        """See `ports.store.Transaction`."""
        _encode(attempt)
        self._put(self._within(self._data.attempts, attempt.key), attempt.attempt, attempt)

    @write
    def put_message_ref(self, incident_id: str, channel: str, destination: str, ref: MessageRef) -> None:
        """See `ports.store.Transaction`."""
        _encode((incident_id, channel, destination, ref))
        self._put(self._data.message_refs, (incident_id, channel, destination), ref)

    @write
    def put_heartbeat(self, heartbeat: Heartbeat) -> None:
        """See `ports.store.Transaction`."""
        _encode(heartbeat)
        self._put(self._data.heartbeats, heartbeat.source, heartbeat)

    @write
    def quarantine(self, item: Quarantined, keep: int) -> None:
        """See `ports.store.Transaction`."""
        _encode(item)
        known = self._data.quarantine.get(item.id)
        if known is not None:
            item = msgspec.structs.replace(known, seen=known.seen + 1, last_at=item.last_at, alerts=item.alerts)
        self._put(self._data.quarantine, item.id, item)
        for old in self.quarantined(len(self._data.quarantine))[keep:]:
            self._drop(self._data.quarantine, old.id)

    @write
    def put_window(self, window: HandMade) -> None:
        """See `ports.store.Transaction`."""
        _encode(window)
        self._put(self._data.windows, window.id, window)

    @write
    def put_occurrence(self, occurrence: Occurrence) -> None:
        """See `ports.store.Transaction`."""
        _encode(occurrence)
        self._put(self._data.occurrences, (occurrence.incident_id, occurrence.occurrence), occurrence)

    @write
    def forget_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        old = [key for key, seen_at in self._data.inbound.items() if seen_at < at]
        for key in old:
            self._drop(self._data.inbound, key)
        return len(old)

    @write
    def forget_windows_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        old = [window.id for window in self._data.windows.values() if window.ends_at < at]
        for window_id in old:
            self._drop(self._data.windows, window_id)
        return len(old)

    @write
    def forget_incidents_before(self, at: int, limit: int) -> int:
        """See `ports.store.Transaction`."""
        over = sorted(
            (incident.resolved_at, incident.number, incident)
            for incident in self._data.incidents.values()
            if not incident.is_open and incident.id not in self._data.due
            if incident.resolved_at is not None and incident.resolved_at < at
        )[:limit]
        for _, _, incident in over:
            self._forget(incident)
        loose = [
            episode
            for episode in self._data.episodes.values()
            if episode.incident_id is None and episode.status is EpisodeStatus.RESOLVED and episode.last_seen_at < at
        ]
        loose.sort(key=lambda episode: (episode.last_seen_at, episode.key, episode.episode))
        for episode in loose[:limit]:
            self._forget_episode(episode)
        return len(over)

    @write
    def forget_rules_before(self, at: int) -> int:
        """See `ports.store.Transaction`."""
        needed = {episode.rules_sha for episode in self._data.episodes.values()}
        old = [sha for sha, (_, used_at) in self._data.rules.items() if used_at < at and sha not in needed]
        for sha in old:
            self._drop(self._data.rules, sha)
        return len(old)

    def _forget(self, incident: Incident) -> None:
        data = self._data
        keys = {row.key for row in self.outbox_of(incident.id)}
        for link in [link for link in data.page_links if link[2] in keys]:
            self._drop(data.page_links, link)
        for row in self.outbox_of(incident.id):
            self._drop(data.attempts, row.key)
            self._drop(data.pending, lane(row))
            self._drop(data.outbox, row.key)
        for where in [where for where in data.message_refs if where[0] == incident.id]:
            self._drop(data.message_refs, where)
        for episode in self.episodes_of(incident.id, len(data.episodes)):
            if episode.status is not EpisodeStatus.FIRING:
                self._forget_episode(episode)
        self._drop(data.outbox_of, incident.id)
        self._drop(data.entries, incident.id)
        self._drop(data.numbers_of[incident.dedup_key], incident.number)
        self._drop(data.numbers, incident.number)
        self._drop(data.incidents, incident.id)

    def _forget_episode(self, episode: Episode) -> None:
        data, full = self._data, (*episode.key, episode.episode)
        self._drop(data.episodes, full)
        if episode.incident_id is not None:
            self._drop(data.episodes_of[episode.incident_id], full)
        left = [number for *key, number in data.episodes if tuple(key) == episode.key]
        if left:
            self._put(data.latest_episode, episode.key, max(left))
        else:
            self._drop(data.latest_episode, episode.key)

    @write
    def put_surges(self, surges: Sequence[Surge]) -> None:
        """See `ports.store.Transaction`."""
        for surge in surges:
            _encode(surge)
            self._put(self._data.surges, surge.target, surge)

    @write
    def probe(self) -> None:
        """See `ports.store.Transaction`."""
        self._put(self._data.counters, "probe", self.now)

    def _within(self, table: dict[K, dict[Any, V]], key: K) -> dict[Any, V]:
        inner = table.get(key)
        if inner is None:
            inner = {}
            self._put(table, key, inner)
        return inner


class MemoryStore:
    """`ports.store.Store` that forgets everything with the process.

    A unit of work runs at once, in the event loop: there is never more than
    one, so each sees a consistent state.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._data = Data()
        self._is_open = False

    @property
    def has_reserve(self) -> bool:
        """See `ports.store.Store`; there is no disk that could be full."""
        return True

    @property
    def unreadable(self) -> frozenset[str]:
        """See `ports.store.Store`: nothing is ever encoded."""
        return frozenset()

    async def open(self) -> None:
        """See `ports.store.Store`."""
        self._is_open = True

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See `ports.store.Store`."""
        self._expect_open()
        transaction = MemoryTransaction(self._data, self._clock.now())
        try:
            result = work(transaction)
            transaction.expect_whole()
        except BaseException:
            transaction.roll_back()
            raise
        return result

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See `ports.store.Store`."""
        self._expect_open()
        return work(MemoryReader(self._data, self._clock.now()))

    async def close(self) -> None:
        """See `ports.store.Store`; what was written is there again after the next `open`."""
        self._is_open = False

    def _expect_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("the store is not open")
