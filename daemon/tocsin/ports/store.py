"""The store: what tocsin remembers, behind one port.

Work against it is a plain function of a `Transaction`, run in the store's own
thread, never cancelled, and committed or rolled back as a whole. All times are
microseconds since the epoch, UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from tocsin.core.alert import Episode
from tocsin.core.condition import Likeness
from tocsin.core.errors import TocsinError
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Mean, Occurrence
from tocsin.core.outbox import Outgoing, RowState
from tocsin.core.playbook import Playbook
from tocsin.core.quarantine import Quarantined
from tocsin.core.rules import RuleSet
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.callback_store import CallbackReader, CallbackWriter
from tocsin.ports.oncall_store import OnCallReader, OnCallWriter

T = TypeVar("T")

AlertKey = tuple[str, str]
"""(source, fingerprint)"""

WHOLE = 1_000_000
"""As a limit: everything there is of one incident."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at delivering a row of the outbox; written before the call, completed after it."""

    key: str
    """The row's idempotency key."""
    attempt: int
    fence: int
    started_at: int
    finished_at: int | None = None
    outcome: str = ""
    reason: str = ""
    http_status: int | None = None
    ref: str = ""
    detail: str = ""


class MessageRef(msgspec.Struct, frozen=True):
    """Where an incident's own message stands at one destination."""

    ref: str
    seq: int
    """The last timeline entry that was appended to its history."""


class Unreadable(TocsinError):
    """What is kept under this key cannot be decoded: the file was damaged, or a newer version has written it."""

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__(f"what the store keeps of {key} cannot be read: {error!r}")
        self.key = key
        """The id of an incident, the key of a row of the outbox, or the sha of a rule set."""


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents a list asks for. None means any."""

    states: tuple[str, ...] | None = None
    severity: str | None = None
    service: str | None = None
    playbook: str | None = None
    storm: int | None = None
    """Members of the storm with this number."""
    waiting: bool | None = None
    """Whether the ladder waits for something."""
    before_number: int | None = None
    """Only incidents with a smaller number: the cursor."""
    limit: int = 50


class Reader(CallbackReader, OnCallReader, Protocol):
    """What may be asked without changing anything.

    Lists leave out what cannot be decoded, so that one damaged row holds up
    nobody else; `Store.unreadable` names it. Who asks for one such incident or
    row by its key or dedup key gets `Unreadable`.
    """

    @property
    def now(self) -> int:
        """The store's clock, read once when the transaction began."""
        ...

    def latest_episodes(self, keys: Sequence[AlertKey]) -> dict[AlertKey, Episode]:
        """The newest episode of each of these alerts that has one."""
        ...

    def episodes_of(self, incident_id: str, limit: int = 1000) -> list[Episode]:
        """The episodes of an incident: firing ones first, then by first_seen_at."""
        ...

    def episodes_after(self, after: tuple[str, str, int], seen_since: int, limit: int) -> list[Episode]:
        """Episodes last seen at or after ``seen_since``, in the order of (source, fingerprint, episode).

        Only those that come after ``after`` in this order (``("", "", 0)``: all), ``limit`` at most; an empty list
        is the end.
        """
        ...

    def episodes_at(self, source: str, ended_since: int) -> list[Episode]:
        """A source's episodes that fire, or ended at or after ``ended_since``; in the order of their keys.

        Only those of incidents that are open, about which something is due, or that were resolved since then.
        """
        ...

    def episodes_begun(self, since: int, limit: int) -> list[Episode]:
        """Episodes first seen at ``since`` or later, and all that fire, the newest first.

        It may have to look at every episode there is: for people who ask, not for what happens all the time.
        """
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """The incident with this id, or with this number where it is all digits."""
        ...

    def latest_incidents(self, dedup_keys: Sequence[str]) -> dict[str, Incident]:
        """The newest incident of each of these dedup keys that has one: the open one, if one is open."""
        ...

    def open_alike(self, like: Likeness, limit: int = 2) -> list[str]:
        """The dedup keys of open incidents that are like this, in the order of the keys."""
        ...

    def episodes_since(self, dedup_key: str, since: int) -> int:
        """How many episodes of a dedup key's incidents were first seen at or after ``since``."""
        ...

    def incidents(self, wanted: IncidentFilter) -> list[Incident]:
        """Incidents, newest number first."""
        ...

    def due_incidents(self, limit: int) -> list[Incident]:
        """Incidents whose ``due_at`` is not after ``now``, the longest due first.

        The first time that one of them turns out to be unreadable there may be
        fewer than ``limit`` although more are due: `next_due_at` tells.
        """
        ...

    def due_at_of(self, incident_id: str) -> int | None:
        """The stored ``due_at`` of an incident, as the timers see it."""
        ...

    def next_due_at(self) -> int | None:
        """The smallest ``due_at`` of an incident that is not known to be unreadable."""
        ...

    def entries(self, incident_id: str, after_seq: int = 0, limit: int = 1000) -> list[Entry]:
        """An incident's timeline, in order."""
        ...

    def outbox_of(self, incident_id: str, occurrence: int | None = None) -> list[Outgoing]:
        """An incident's rows, in order."""
        ...

    def next_claim_at(self) -> int | None:
        """When the next readable pending row may be claimed; may be in the past. None: none is pending."""
        ...

    def overdue_pages(self) -> list[Outgoing]:
        """Pending pages that are overdue and for which nobody else was told (not ``fell_back``), the first first.

        100 at most.
        """
        ...

    def next_overdue_at(self) -> int | None:
        """When the next such page is overdue; may be in the past. None: there is none."""
        ...

    def attempts_of(self, key: str) -> list[Attempt]:
        """The attempts at one row, in order."""
        ...

    def message_ref(self, incident_id: str, channel: str, destination: str) -> MessageRef | None:
        """Where the incident's own message stands there."""
        ...

    def heartbeats(self) -> dict[str, Heartbeat]:
        """What is known of the Watchdog of each source that has one."""
        ...

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """What could not be placed, newest first."""
        ...

    def windows(self, over_after: int) -> list[HandMade]:
        """The maintenance windows made by hand that end after then, by their start."""
        ...

    def window(self, window_id: str) -> HandMade | None:
        """One of them, whether it is over or not."""
        ...

    def means(self, measure: str, since: int) -> list[Mean]:
        """The means of ``acknowledge`` or ``resolve`` over counted occurrences whose figure fell at or after ``since``.

        ``acknowledge``: acknowledged_at - opened_at, for acknowledged_at >= since;
        ``resolve``: ended_at - opened_at, for resolved_at >= since.
        """
        ...

    def open_counts(self) -> Mapping[tuple[str, str, str], int]:
        """Open incidents by (playbook, severity, state)."""
        ...

    def exhausted_counts(self) -> Mapping[str, int]:
        """Open incidents whose ladder is exhausted (``fallback_at`` is set), by playbook."""
        ...

    def surge(self, target: str) -> Surge | None:
        """How many incidents have lately begun to notify a target; held for who will change it."""
        ...

    def open_storms(self) -> Mapping[str, int]:
        """The members of each target's storm whose ladder waits for it."""
        ...

    def outbox_depth(self) -> Mapping[str, tuple[int, int]]:
        """Pending rows by channel: (how many, created_at of the oldest)."""
        ...

    def episode(self, source: str, fingerprint: str, number: int) -> Episode | None:
        """One episode of one alert."""
        ...

    def episodes(self, fingerprint: str, source: str | None = None, limit: int = 50) -> list[Episode]:
        """The episodes of an alert, the last seen to begin first; without a source those of all sources."""
        ...

    def rules(self, sha: str) -> RuleSet | None:
        """The rule set with this sha, if it is kept.

        Raises:
            Unreadable: It cannot be decoded.
        """
        ...

    def self_episodes(self, seen_before: int) -> list[Episode]:
        """Firing episodes of the source ``tocsin`` last seen before then."""
        ...


class Transaction(Reader, CallbackWriter, OnCallWriter, Protocol):
    """One unit of work. What it writes is seen by its own reads, and by nobody else before the commit."""

    def put_episodes(self, episodes: Sequence[Episode]) -> None:
        """Insert, or replace by (source, fingerprint, episode)."""
        ...

    def insert_incidents(self, incidents: Sequence[Incident]) -> None:
        """Write new incidents. At most one open incident may exist a dedup key."""
        ...

    def update_incidents(self, incidents: Sequence[Incident]) -> None:
        """Replace incidents by id; ``due_at`` is written as ``core.escalation.next_due`` says."""
        ...

    def next_numbers(self, count: int) -> int:
        """Reserve ``count`` incident numbers; returns the first. Numbers start at 1 and have no gaps."""
        ...

    def save_plan(self, plan: Playbook) -> None:
        """Keep a plan by its sha, once."""
        ...

    def save_rules(self, rules: RuleSet) -> None:
        """Keep a rule set by its sha, once; note that it is in use."""
        ...

    def append_entries(self, entries: Sequence[Entry]) -> None:
        """Append to timelines; (incident, seq) is unique."""
        ...

    def enqueue(self, rows: Sequence[Outgoing]) -> int:
        """Write rows that are not there yet (by key); returns how many were new.

        A level-triggered row (announce, history) is left out where one of the same
        incident, channel, destination and job is pending and not claimed.
        """
        ...

    def replace_row(self, row: Outgoing) -> None:
        """Write a row as it now stands, by key."""
        ...

    def claimable(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """Pending rows that may be sent now, oldest ``not_before`` first, locked.

        not_before <= now, no live lease, channel not in ``exclude``, and no earlier
        readable pending row (smaller order_no) for the same incident, channel and destination.
        """
        ...

    def claimable_for_pages(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """Those of them that are, or have to go before, one of the first 100 pages that nothing holds up."""
        ...

    def settle(self, row: Outgoing, fence: int) -> bool:
        """Replace a row whose fence is still ``fence`` and whose state is pending; False if it is not."""
        ...

    def put_attempt(self, attempt: Attempt) -> None:
        """Insert, or replace by (key, attempt)."""
        ...

    def put_message_ref(self, incident_id: str, channel: str, destination: str, ref: MessageRef) -> None:
        """Remember where the incident's own message stands."""
        ...

    def put_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Insert, or replace by source."""
        ...

    def quarantine(self, item: Quarantined, keep: int) -> None:
        """Keep what cannot be placed, once by its id, and count how often it comes; of all entries, the newest."""
        ...

    def put_window(self, window: HandMade) -> None:
        """Insert, or replace by id."""
        ...

    def put_occurrence(self, occurrence: Occurrence) -> None:
        """Insert, or replace by (incident_id, occurrence)."""
        ...

    def put_surges(self, surges: Sequence[Surge]) -> None:
        """Insert, or replace by target."""
        ...

    def probe(self) -> None:
        """Write something small that a full or read-only disk would refuse; leaves at most one row."""
        ...

    def forget_before(self, at: int) -> int:
        """Delete what nobody needs any more: inbound keys seen before ``at``. Returns how many."""
        ...

    def forget_rules_before(self, at: int) -> int:
        """Delete the rule sets that were last in use before ``at`` and that no episode refers to; returns how many."""
        ...

    def forget_windows_before(self, at: int) -> int:
        """Delete maintenance windows made by hand that ended before ``at``; returns how many."""
        ...

    def forget_incidents_before(self, at: int, limit: int) -> int:
        """Delete incidents that were resolved before ``at`` and about which nothing is due; returns how many.

        ``limit`` at most, the longest resolved first, each with its timeline, rows, attempts, messages and
        episodes. Its occurrences stay, for the reports, and so do episodes that fire to this day. Resolved
        episodes without an incident go as well, ``limit`` at most, if they were last seen before ``at``.
        """
        ...


class Store(Protocol):
    """Where transactions run."""

    @property
    def has_reserve(self) -> bool:
        """Whether the space kept aside for a full disk is still there; without it the daemon is not ready."""
        ...

    @property
    def unreadable(self) -> frozenset[str]:
        """The incidents (by id) and outbox rows (by key) found undecodable since the start, each logged once."""
        ...

    async def open(self) -> None:
        """Bring the schema up to date and be ready.

        Raises:
            StoreUnavailable: It cannot be opened, or another daemon holds it.
        """
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit durably before returning.

        The transaction outlives a cancelled caller. An exception of ``work`` rolls
        everything back and is raised.

        Raises:
            StoreUnavailable: It could not be committed now.
        """
        ...

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run ``work`` on a consistent snapshot.

        Raises:
            StoreUnavailable: The store does not answer now.
        """
        ...

    async def close(self) -> None:
        """Finish what runs and release everything. May be called twice."""
        ...


__all__ = [
    "WHOLE",
    "AlertKey",
    "Attempt",
    "IncidentFilter",
    "MessageRef",
    "Quarantined",
    "Reader",
    "RowState",
    "Store",
    "Transaction",
    "Unreadable",
]
