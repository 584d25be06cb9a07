"""The tables of the newest schema revision.

Times are microseconds since the epoch, UTC. Booleans are 1 and 0. JSON is stored
as text, because no query looks inside it. All three work alike on SQLite and
PostgreSQL, so statements do not depend on the database.

There are no foreign keys: every row is written in the transaction of its incident,
and a lookup for each row would cost as much as the row.
"""

from typing import Any

import sqlalchemy as sa

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.timeline.actions import ActionItemDone, PostmortemCompleted, PostmortemWaived
from tocsin.core.incident.timeline.duties import DutyDone, DutyWaived
from tocsin.core.incident.timeline.notifications import PromiseBreached

METADATA = sa.MetaData()

# STRICT tables of SQLite have a single integer type.
_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *parts: sa.schema.SchemaItem, rowid: bool = True) -> sa.Table:
    return sa.Table(name, METADATA, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _maybe_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text)


def _long(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, _LONG, primary_key=key, nullable=False, autoincrement=False)


def _maybe_long(name: str) -> sa.Column[int]:
    return sa.Column(name, _LONG)


def _flag(name: str) -> sa.Column[int]:
    return sa.Column(name, _FLAG, nullable=False)


def _manual_period() -> list[sa.Column[Any]]:
    """Return the columns of a period that a person creates: its times, its author, and who ended it."""
    return [
        *(_long(name) for name in ("starts_at", "ends_at", "planned_ends_at")),
        *(_text(name) for name in ("comment", "author", "via")),
        _long("created_at"),
        _maybe_long("ended_at"),
        _maybe_text("ended_by"),
        _maybe_text("ended_via"),
    ]


def literal(text: str) -> sa.ColumnElement[str]:
    """Return a constant in the statement's text: the planner matches a partial index only with a constant."""
    return sa.literal_column(f"'{text}'", sa.Text)


alerts = _table(
    "alerts",
    _text("source", key=True),
    _text("fingerprint", key=True),
    _long("episode", key=True),
    _text("status"),
    _long("first_seen_at"),
    _long("last_seen_at"),
    _maybe_text("incident_id"),
    _text("rules_sha"),
    _text("body"),
)
"""One row per episode. Fields that no query uses are in ``body``."""

IS_NOT_FIRING = alerts.c.status != literal(EpisodeStatus.FIRING.value)
"""Sort key that puts firing alerts first."""

# The display order of an incident's alerts: a page shows the first few of possibly very many.
sa.Index("alerts_of_incident", alerts.c.incident_id, IS_NOT_FIRING, alerts.c.first_seen_at)

IS_LOOSE = sa.and_(alerts.c.incident_id.is_(None), alerts.c.status == literal(EpisodeStatus.RESOLVED.value))
"""Resolved episodes without an incident."""

# Without `incident_id` in this index, SQLite would use the index on `incident_id` instead.
sa.Index("alerts_loose", alerts.c.incident_id, alerts.c.last_seen_at, sqlite_where=IS_LOOSE, postgresql_where=IS_LOOSE)

incidents = _table(
    "incidents",
    _long("number", key=True),
    _text("id"),
    _text("dedup_key"),
    _text("state"),
    _text("severity"),
    _text("playbook"),
    _text("service"),
    _maybe_long("due_at"),
    _maybe_long("fallback_at"),
    _maybe_long("resolved_at"),
    _text("plan_sha"),
    _text("body"),
    sa.Column("team", sa.Text, nullable=False, server_default=""),
    _maybe_long("storm"),
    sa.Column("waits", _FLAG, nullable=False, server_default="0"),
    sa.Column("drafts", _FLAG, nullable=False, server_default="0"),
    sa.Column("open_duties", _FLAG, nullable=False, server_default="0"),
    sa.Column("follow_ups", _FLAG, nullable=False, server_default="0"),
    sa.UniqueConstraint("id", name="incidents_id"),
    sa.Index("incidents_of_key", "dedup_key", "number"),
)
"""``body`` is the whole incident without its plan. The other columns are those that queries use."""

IS_OPEN = incidents.c.state != literal(State.RESOLVED.value)

sa.Index("incidents_open", incidents.c.dedup_key, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)

IS_DUE_SOME_DAY = incidents.c.due_at.is_not(None)

sa.Index("incidents_due", incidents.c.due_at, sqlite_where=IS_DUE_SOME_DAY, postgresql_where=IS_DUE_SOME_DAY)

IS_MEMBER = incidents.c.storm.is_not(None)

sa.Index(
    "incidents_of_storm", incidents.c.storm, incidents.c.number, sqlite_where=IS_MEMBER, postgresql_where=IS_MEMBER
)

HAS_DRAFTS = incidents.c.drafts > sa.literal_column("0")
"""Incidents with drafts that wait for confirmation."""

sa.Index("incidents_with_drafts", incidents.c.number, sqlite_where=HAS_DRAFTS, postgresql_where=HAS_DRAFTS)

HAS_OPEN_DUTIES = incidents.c.open_duties > sa.literal_column("0")
"""Duties of it are neither done nor waived."""

sa.Index(
    "incidents_with_open_duties",
    incidents.c.number,
    sqlite_where=HAS_OPEN_DUTIES,
    postgresql_where=HAS_OPEN_DUTIES,
)
HAS_FOLLOW_UPS = incidents.c.follow_ups > sa.literal_column("0")
"""A duty or an action item of it is open. Rows from before this column may have none."""

sa.Index(
    "incidents_with_follow_ups",
    incidents.c.number,
    sqlite_where=HAS_FOLLOW_UPS,
    postgresql_where=HAS_FOLLOW_UPS,
)

IS_OVER = sa.and_(
    incidents.c.state == literal(State.RESOLVED.value),
    incidents.c.due_at.is_(None),
    incidents.c.resolved_at.is_not(None),
)
"""Resolved incidents for which no timer is left."""

sa.Index("incidents_over", incidents.c.resolved_at, sqlite_where=IS_OVER, postgresql_where=IS_OVER)

plans = _table("plans", _text("sha", key=True), _text("body"))

rulesets = _table("rulesets", _text("sha", key=True), _long("used_at"), _text("body"))
"""Rule sets that have evaluated alerts. ``used_at`` is up to a day old; it precedes ``body``, which is long."""

counters = _table("counters", _text("name", key=True), _long("value"))

entries = _table(
    "entries",
    _text("incident_id", key=True),
    _long("seq", key=True),
    _long("at"),
    _text("kind"),
    _text("actor"),
    _text("via"),
    _text("data"),
    # A table without rowid is a single tree, in the order of the timelines.
    rowid=False,
)

MEASURED_KINDS = (
    *(PromiseBreached.kind, DutyDone.kind, DutyWaived.kind),
    *(ActionItemDone.kind, PostmortemCompleted.kind, PostmortemWaived.kind),
)
IS_MEASURED = entries.c.kind.in_([literal(kind) for kind in MEASURED_KINDS])
"""Entries that reports search for by their time: few of all."""

sa.Index(
    "entries_measured",
    entries.c.at,
    entries.c.incident_id,
    entries.c.seq,
    sqlite_where=IS_MEASURED,
    postgresql_where=IS_MEASURED,
)

outbox = _table(
    "outbox",
    _text("key"),
    sa.Column("order_no", _LONG, primary_key=True, autoincrement=True),
    _text("incident_id"),
    _long("occurrence"),
    _long("round"),
    _text("step"),
    _long("tier"),
    _text("target"),
    _text("channel"),
    _text("destination"),
    _text("recipient"),
    _text("job"),
    _text("until"),
    _text("severity"),
    _text("because"),
    _text("about"),
    _flag("stranded"),
    _long("late"),
    _long("received_at"),
    _text("state"),
    _long("not_before"),
    _long("attempts"),
    _long("fence"),
    _maybe_long("lease_until"),
    _flag("possibly_delivered"),
    _flag("fell_back"),
    _long("created_at"),
    _maybe_long("done_at"),
    sa.Column("overdue_at", _LONG, nullable=False, server_default="0"),
    sa.UniqueConstraint("key", name="outbox_key"),
    sa.Index("outbox_of_incident", "incident_id", "order_no"),
)

IS_PENDING = outbox.c.state == literal(RowState.PENDING.value)

sa.Index("outbox_pending", outbox.c.not_before, sqlite_where=IS_PENDING, postgresql_where=IS_PENDING)

# Sent rows stay in their lane: a query for pending rows must not read them.
sa.Index(
    "outbox_waiting_in_lane",
    outbox.c.incident_id,
    outbox.c.channel,
    outbox.c.destination,
    outbox.c.order_no,
    sqlite_where=IS_PENDING,
    postgresql_where=IS_PENDING,
)

IS_WAITING_PAGE = sa.and_(IS_PENDING, outbox.c.job == literal(Job.PAGE.value))

# A query for pages must not read other pending rows.
sa.Index("outbox_pages", outbox.c.overdue_at, sqlite_where=IS_WAITING_PAGE, postgresql_where=IS_WAITING_PAGE)

IS_ACCEPTED_PAGE = sa.and_(outbox.c.state == literal(RowState.SENT.value), outbox.c.job == literal(Job.PAGE.value))

sa.Index(
    "outbox_accepted_pages",
    outbox.c.done_at,
    outbox.c.order_no,
    sqlite_where=IS_ACCEPTED_PAGE,
    postgresql_where=IS_ACCEPTED_PAGE,
)

IS_LEASED = sa.and_(IS_PENDING, outbox.c.lease_until.is_not(None))

sa.Index("outbox_leased", outbox.c.lease_until, sqlite_where=IS_LEASED, postgresql_where=IS_LEASED)

attempts = _table(
    "attempts",
    _text("key", key=True),
    _long("attempt", key=True),
    _long("fence"),
    _long("started_at"),
    _maybe_long("finished_at"),
    _text("outcome"),
    _text("reason"),
    _maybe_long("http_status"),
    _text("ref"),
    _text("detail"),
    rowid=False,
)

message_refs = _table(
    "message_refs",
    _text("incident_id", key=True),
    _text("channel", key=True),
    _text("destination", key=True),
    _text("ref"),
    _long("seq"),
    rowid=False,
)

inbound = _table(
    "inbound",
    _text("origin", key=True),
    _text("key", key=True),
    _long("seen_at"),
    sa.Index("inbound_by_age", "seen_at"),
    rowid=False,
)
"""Accepted deliveries, for deduplication of replays."""

page_links = _table(
    "page_links",
    _text("provider", key=True),
    _text("ref", key=True),
    _text("page_key", key=True),
    sa.Index("page_links_of_page", "page_key"),
    rowid=False,
)
"""The keys of our pages behind each incident of a provider, as reported by its webhooks and its API."""

heartbeats = _table(
    "heartbeats", _text("source", key=True), _long("last_seen_at"), _maybe_long("every"), _maybe_long("lost_at")
)

quarantine = _table(
    "quarantine",
    _text("id", key=True),
    _long("at"),
    _text("source"),
    _text("sha256"),
    _text("body"),
    _text("error"),
    sa.Column("alerts", _LONG, nullable=False, server_default="1"),
    sa.Column("seen", _LONG, nullable=False, server_default="1"),
    sa.Column("last_at", _LONG, nullable=False, server_default="0"),
    sa.Index("quarantine_by_age", "last_at", "id"),
)

windows = _table(
    "windows",
    _text("id", key=True),
    _text("name"),
    _text("matchers"),
    *_manual_period(),
    sa.Index("windows_by_end", "ends_at"),
)
"""Manual maintenance windows. The windows of windows.yaml are not stored."""

overrides = _table(
    "overrides",
    _text("id", key=True),
    _text("rotation"),
    _text("person"),
    _text("swaps_with"),
    *_manual_period(),
    sa.Index("overrides_by_end", "ends_at"),
)
"""Manual overrides and swaps of rotations. The overrides of people.yaml are not stored."""

rosters = _table(
    "rosters",
    _text("source", key=True),
    _text("members"),
    _long("fetched_at"),
    sa.Column("changed_at", _LONG, nullable=False, server_default="0"),
    sa.Column("before", sa.Text, nullable=False, server_default="[]"),
)
"""The last good answer of each roster source (such as a Slack user group)."""

occurrences = _table(
    "occurrences",
    _text("incident_id", key=True),
    _long("occurrence", key=True),
    _text("playbook"),
    _text("severity"),
    _text("service"),
    _maybe_long("first_alert_at"),
    _long("opened_at"),
    _maybe_long("acknowledged_at"),
    _maybe_long("resolved_at"),
    _maybe_long("ended_at"),
    _text("cause"),
    _flag("counted"),
    rowid=False,
)

IS_COUNTED = occurrences.c.counted == sa.literal_column("1")

sa.Index("occurrences_opened_at", occurrences.c.opened_at, sqlite_where=IS_COUNTED, postgresql_where=IS_COUNTED)

surges = _table("surges", _text("target", key=True), _text("recent"), _maybe_text("storm"), rowid=False)
"""One row per target that new incidents have notified."""

for _time in (occurrences.c.acknowledged_at, occurrences.c.resolved_at):
    sa.Index(
        f"occurrences_{_time.name}",
        _time,
        sqlite_where=_time.is_not(None),
        postgresql_where=_time.is_not(None),
    )
