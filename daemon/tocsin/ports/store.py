"""The interface of the store, which holds all persistent data of tocsin.

A unit of work is a plain function of a `Transaction`. It runs in the store's own thread, is never canceled, and is
committed or rolled back as a whole. All times are microseconds since the epoch, UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from tocsin.core.alerts.alert import Episode
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.errors import TocsinError
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Mean, Occurrence
from tocsin.core.incident.outbox import Outgoing, RowState
from tocsin.core.incident.throttle import Surge
from tocsin.core.matching.condition import Likeness
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.callback_store import CallbackReader, CallbackWriter
from tocsin.ports.measure_store import MeasureReader
from tocsin.ports.oncall_store import OnCallReader, OnCallWriter

T = TypeVar("T")

AlertKey = tuple[str, str]
"""(source, fingerprint)"""

WHOLE = 1_000_000
"""A limit with which a query reads the whole timeline of an incident."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a row of the outbox; written before the row is sent, completed afterwards."""

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
    """Reference to an incident's own message at one destination."""

    ref: str
    seq: int
    """The last timeline entry that was appended to the message's history."""


class Unreadable(TocsinError):
    """A stored record that cannot be decoded: the file was damaged, or a newer version has written it."""

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__(f"what the store keeps of {key} cannot be read: {error!r}")
        self.key = key
        """The id of an incident, the key of a row of the outbox, or the sha of a rule set."""


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria for a list of incidents. A criterion None does not restrict the list."""

    states: tuple[str, ...] | None = None
    severity: str | None = None
    service: str | None = None
    playbook: str | None = None
    storm: int | None = None
    """The number of a storm: return only the members of this storm."""
    waiting: bool | None = None
    """True: return only incidents whose ladder waits; False: only those whose ladder does not wait."""
    drafts: bool = False
    """Only incidents with drafts that wait for confirmation."""
    open_duties: bool = False
    """Only incidents with duties that are neither done nor waived."""
    before_number: int | None = None
    """The cursor: return only incidents with a smaller number."""
    limit: int = 50


class Reader(CallbackReader, MeasureReader, OnCallReader, Protocol):
    """Queries that change nothing.

    Lists leave out records that cannot be decoded, so that one damaged row does
    not block the others; `Store.unreadable` names it. A query for one such
    incident or row by its key or dedup key raises `Unreadable`.
    """

    @property
    def now(self) -> int:
        """The time of the transaction: the clock, read once at its start."""
        ...

    def latest_episodes(self, keys: Sequence[AlertKey]) -> dict[AlertKey, Episode]:
        """Return the newest episode of each alert; alerts without an episode are left out."""
        ...

    def episodes_of(self, incident_id: str, limit: int = 1000) -> list[Episode]:
        """Return the episodes of an incident: firing ones first, then by first_seen_at."""
        ...

    def every_episode_of(self, incident_id: str) -> Iterator[Episode]:
        """Yield all episodes of an incident in the same order, one at a time: there may be hundreds of thousands.

        Write no episode until it has ended.
        """
        ...

    def episodes_after(self, after: tuple[str, str, int], seen_since: int, limit: int) -> list[Episode]:
        """Return episodes last seen at or after ``seen_since``, in the order of (source, fingerprint, episode).

        Only those that follow ``after`` in this order (``("", "", 0)``: all), at most ``limit``; an empty list
        is the end.
        """
        ...

    def episodes_at(self, source: str, ended_since: int) -> Iterator[Episode]:
        """Yield a source's episodes that fire, or ended at or after ``ended_since``; in the order of their keys.

        Only those of incidents that are open, that have something due, or that were resolved since then.
        """
        ...

    def episodes_begun(self, since: int, limit: int) -> list[Episode]:
        """Return episodes first seen at ``since`` or later, and all that fire, newest first.

        This may scan every episode: use it for requests from people, not in regular processing.
        """
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """Return the incident with this id, or with this number if it is all digits."""
        ...

    def latest_incidents(self, dedup_keys: Sequence[str]) -> dict[str, Incident]:
        """Return the newest incident for each dedup key, which is the open one if there is one."""
        ...

    def open_alike(self, like: Likeness, limit: int = 2) -> list[str]:
        """Return the dedup keys of open incidents that match, in the order of the keys."""
        ...

    def episodes_since(self, dedup_key: str, since: int) -> int:
        """Return how many episodes of a dedup key's incidents were first seen at or after ``since``."""
        ...

    def incidents(self, wanted: IncidentFilter) -> list[Incident]:
        """Return incidents, newest number first."""
        ...

    def due_incidents(self, limit: int) -> list[Incident]:
        """Return incidents whose ``due_at`` is not after ``now``, the longest overdue first.

        The result may be shorter than ``limit`` although more incidents are due, the first time that one of
        them is found to be unreadable; `next_due_at` shows this.
        """
        ...

    def due_at_of(self, incident_id: str) -> int | None:
        """Return the stored ``due_at`` of an incident, as the timers see it."""
        ...

    def next_due_at(self) -> int | None:
        """Return the smallest ``due_at`` of an incident that is not known to be unreadable."""
        ...

    def entries(self, incident_id: str, after_seq: int = 0, limit: int = 1000) -> list[Entry]:
        """Return an incident's timeline, in order."""
        ...

    def outbox_of(self, incident_id: str, occurrence: int | None = None) -> list[Outgoing]:
        """Return an incident's outbox rows, in order."""
        ...

    def targets_of_step(self, row: Outgoing) -> list[str]:
        """Return the targets that the same step of the incident notifies with the same job, each once, in order.

        Rows that went elsewhere because their target has no working contact (``stranded``) are left out.
        """
        ...

    def next_claim_at(self) -> int | None:
        """Return when the next readable pending row may be claimed, possibly in the past; None if no row is pending."""
        ...

    def overdue_pages(self) -> list[Outgoing]:
        """Return overdue pending pages for which no fallback was used (not ``fell_back``), the longest overdue first.

        At most 100.
        """
        ...

    def next_overdue_at(self) -> int | None:
        """Return when the next page becomes overdue, possibly in the past; None if there is no such page."""
        ...

    def attempts_of(self, key: str) -> list[Attempt]:
        """Return the attempts at one row, in order."""
        ...

    def message_ref(self, incident_id: str, channel: str, destination: str) -> MessageRef | None:
        """Return the reference to the incident's own message at this destination."""
        ...

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Return the heartbeat of each source that has a Watchdog."""
        ...

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Return the quarantined alerts, newest first."""
        ...

    def windows(self, over_after: int) -> list[HandMade]:
        """Return the maintenance windows made by hand that end after ``over_after``, by their start."""
        ...

    def window(self, window_id: str) -> HandMade | None:
        """Return a maintenance window made by hand, even if the window is over."""
        ...

    def means(self, measure: str, since: int) -> list[Mean]:
        """Return the means of ``acknowledge`` or ``resolve`` over counted occurrences, from ``since`` on.

        ``acknowledge``: acknowledged_at - opened_at, for acknowledged_at >= since;
        ``resolve``: ended_at - opened_at, for resolved_at >= since.
        """
        ...

    def open_counts(self) -> Mapping[tuple[str, str, str], int]:
        """Return the number of open incidents by (playbook, severity, state)."""
        ...

    def exhausted_counts(self) -> Mapping[str, int]:
        """Return the number of open incidents whose ladder is exhausted (``fallback_at`` is set), by playbook."""
        ...

    def surge(self, target: str) -> Surge | None:
        """Return how many incidents have recently begun to notify a target; locks the row for a later change."""
        ...

    def open_storms(self) -> Mapping[str, int]:
        """Return the number of members of each target's storm whose ladder waits for it."""
        ...

    def outbox_depth(self) -> Mapping[str, tuple[int, int]]:
        """Return the pending rows by channel: (their number, created_at of the oldest)."""
        ...

    def episode(self, source: str, fingerprint: str, number: int) -> Episode | None:
        """Return one episode of one alert."""
        ...

    def episodes(self, fingerprint: str, source: str | None = None, limit: int = 50) -> list[Episode]:
        """Return the episodes of an alert, the newest first; without a source, those of all sources."""
        ...

    def rules(self, sha: str) -> RuleSet | None:
        """Return the rule set with this sha; None if it is not stored.

        Raises:
            Unreadable: It cannot be decoded.
        """
        ...

    def self_episodes(self, seen_before: int) -> list[Episode]:
        """Return the firing episodes of the source ``tocsin`` that were last seen before ``seen_before``."""
        ...


class Transaction(Reader, CallbackWriter, OnCallWriter, Protocol):
    """One transaction. Its own reads see its writes; other transactions see them only after the commit."""

    def put_episodes(self, episodes: Sequence[Episode]) -> None:
        """Insert, or replace by (source, fingerprint, episode)."""
        ...

    def insert_incidents(self, incidents: Sequence[Incident]) -> None:
        """Write new incidents. At most one incident per dedup key may be open."""
        ...

    def update_incidents(self, incidents: Sequence[Incident]) -> None:
        """Replace incidents by id, and set ``due_at`` to ``core.incident.escalation.next_due``."""
        ...

    def next_numbers(self, count: int) -> int:
        """Reserve ``count`` incident numbers; return the first. Numbers start at 1 and have no gaps."""
        ...

    def save_plan(self, plan: Playbook) -> None:
        """Store a plan by its sha, once."""
        ...

    def save_rules(self, rules: RuleSet) -> None:
        """Store a rule set by its sha, once; record that it is in use."""
        ...

    def append_entries(self, entries: Sequence[Entry]) -> None:
        """Append to timelines; (incident, seq) is unique."""
        ...

    def enqueue(self, rows: Sequence[Outgoing]) -> int:
        """Write rows whose keys do not exist yet; return their number.

        A level-triggered row (announce, history) is left out if one for the same
        incident, channel, destination and job is pending and not claimed.
        """
        ...

    def replace_row(self, row: Outgoing) -> None:
        """Replace a row by its key."""
        ...

    def claimable(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """Return pending rows that may be sent now, oldest ``not_before`` first, locked.

        not_before <= now, no live lease, channel not in ``exclude``, and no earlier
        readable pending row (smaller order_no) for the same incident, channel and destination.
        """
        ...

    def claimable_for_pages(self, limit: int, exclude: frozenset[str]) -> list[Outgoing]:
        """Return the claimable rows that are, or must go before, one of the first 100 pages that nothing blocks."""
        ...

    def settle(self, row: Outgoing, fence: int) -> bool:
        """Replace a pending row whose fence is still ``fence``; return False if there is none."""
        ...

    def put_attempt(self, attempt: Attempt) -> None:
        """Insert, or replace by (key, attempt)."""
        ...

    def put_message_ref(self, incident_id: str, channel: str, destination: str, ref: MessageRef) -> None:
        """Store the reference to the incident's own message."""
        ...

    def put_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Insert, or replace by source."""
        ...

    def quarantine(self, item: Quarantined, keep: int) -> None:
        """Store an entry, or count a repeated one by its id; of all entries, keep the newest ``keep``."""
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
        """Write something small that a full or read-only disk would refuse; leave at most one row."""
        ...

    def forget_before(self, at: int) -> int:
        """Delete inbound keys seen before ``at``; return their number."""
        ...

    def forget_rules_before(self, at: int) -> int:
        """Delete the rule sets last in use before ``at`` to which no episode refers; return their number."""
        ...

    def forget_windows_before(self, at: int) -> int:
        """Delete maintenance windows made by hand that ended before ``at``; return their number."""
        ...

    def forget_incidents_before(self, at: int, limit: int) -> int:
        """Delete incidents that were resolved before ``at`` and have nothing due; return their number.

        At most ``limit``, the longest resolved first, each with its timeline, rows, attempts, messages and
        episodes. Its occurrences are kept for the reports, and so are episodes that still fire. Resolved
        episodes without an incident, last seen before ``at``, are deleted too, at most ``limit``.
        """
        ...


class Store(Protocol):
    """A store that runs transactions."""

    @property
    def has_reserve(self) -> bool:
        """True while the space reserved for a full disk still exists; without the reserve, the daemon is not ready."""
        ...

    @property
    def unreadable(self) -> frozenset[str]:
        """The incidents (by id) and outbox rows (by key) found undecodable since the start, each logged once."""
        ...

    async def open(self) -> None:
        """Migrate the schema and make the store ready.

        Raises:
            StoreUnavailable: It cannot be opened, or another daemon has it open.
        """
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit durably before returning.

        The transaction continues when the caller is canceled. An exception in ``work`` rolls
        everything back and is raised.

        Raises:
            StoreUnavailable: It cannot commit now.
        """
        ...

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run ``work`` on a consistent snapshot.

        Raises:
            StoreUnavailable: It does not respond now.
        """
        ...

    async def close(self) -> None:
        """Finish running transactions and release all resources. May be called twice."""
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
