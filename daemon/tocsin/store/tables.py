"""The tables, as the newest migration leaves them.

Times are microseconds since the epoch, UTC; yes and no are 1 and 0; JSON is
text, because nothing is ever asked about its inside. All three mean the same on
SQLite and PostgreSQL, so no statement needs to know which of them it runs on.

There are no foreign keys: every row is written in the transaction of the
incident that it belongs to, and a lookup for each would cost as much as the row.
"""

from typing import Any

import sqlalchemy as sa

from tocsin.core.alert import EpisodeStatus
from tocsin.core.incident import State
from tocsin.core.outbox import Job, RowState

METADATA = sa.MetaData()

# A STRICT table of SQLite has one integer type.
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


def _made_by_hand() -> list[sa.Column[Any]]:
    """Of what somebody makes for a time: when it is, who made it, and who ended it."""
    return [
        *(_long(name) for name in ("starts_at", "ends_at", "planned_ends_at")),
        *(_text(name) for name in ("comment", "author", "via")),
        _long("created_at"),
        _maybe_long("ended_at"),
        _maybe_text("ended_by"),
        _maybe_text("ended_via"),
    ]


def literal(text: str) -> sa.ColumnElement[str]:
    """A constant in the statement itself: only then is a partial index recognised."""
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
"""One row an episode; ``body`` is all that is never asked about."""

IS_NOT_FIRING = alerts.c.status != literal(EpisodeStatus.FIRING.value)
"""Orders firing alerts before the others."""

# In the order in which an incident's alerts are shown: a page shows the first few of however many there are.
sa.Index("alerts_of_incident", alerts.c.incident_id, IS_NOT_FIRING, alerts.c.first_seen_at)

IS_LOOSE = sa.and_(alerts.c.incident_id.is_(None), alerts.c.status == literal(EpisodeStatus.RESOLVED.value))
"""Of no incident, and over."""

# SQLite takes the index on `incident_id` unless this one has it as well.
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
    sa.UniqueConstraint("id", name="incidents_id"),
    sa.Index("incidents_of_key", "dedup_key", "number"),
)
"""``body`` is the whole incident but for its plan; the other columns are what is asked about."""

IS_OPEN = incidents.c.state != literal(State.RESOLVED.value)

sa.Index("incidents_open", incidents.c.dedup_key, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)

IS_DUE_SOME_DAY = incidents.c.due_at.is_not(None)

sa.Index("incidents_due", incidents.c.due_at, sqlite_where=IS_DUE_SOME_DAY, postgresql_where=IS_DUE_SOME_DAY)

IS_MEMBER = incidents.c.storm.is_not(None)

sa.Index(
    "incidents_of_storm", incidents.c.storm, incidents.c.number, sqlite_where=IS_MEMBER, postgresql_where=IS_MEMBER
)

IS_OVER = sa.and_(
    incidents.c.state == literal(State.RESOLVED.value),
    incidents.c.due_at.is_(None),
    incidents.c.resolved_at.is_not(None),
)
"""Resolved, and nothing about it will ever be due."""

sa.Index("incidents_over", incidents.c.resolved_at, sqlite_where=IS_OVER, postgresql_where=IS_OVER)

plans = _table("plans", _text("sha", key=True), _text("body"))

rulesets = _table("rulesets", _text("sha", key=True), _long("used_at"), _text("body"))
"""Rules that have judged alerts; ``used_at`` is at most a day behind, and stands before what is long."""

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
    # One tree, in the order of the timelines.
    rowid=False,
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

# Rows of a lane that have been sent stay there: a query for those that still wait must not read them.
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

# Whoever asks for pages must not read whatever else waits.
sa.Index("outbox_pages", outbox.c.overdue_at, sqlite_where=IS_WAITING_PAGE, postgresql_where=IS_WAITING_PAGE)

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
"""Deliveries that were taken, so that a replay is known as one."""

page_links = _table(
    "page_links",
    _text("provider", key=True),
    _text("ref", key=True),
    _text("page_key", key=True),
    sa.Index("page_links_of_page", "page_key"),
    rowid=False,
)
"""The keys of our pages behind each of a provider's own incidents, as its webhooks and its API have shown them."""

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
    *_made_by_hand(),
    sa.Index("windows_by_end", "ends_at"),
)
"""The maintenance windows that somebody made by hand; those of windows.yaml are nowhere but there."""

overrides = _table(
    "overrides",
    _text("id", key=True),
    _text("rotation"),
    _text("person"),
    _text("swaps_with"),
    *_made_by_hand(),
    sa.Index("overrides_by_end", "ends_at"),
)
"""Who takes a rotation over for a time, as somebody said while tocsin ran; those of people.yaml are only there."""

rosters = _table(
    "rosters",
    _text("source", key=True),
    _text("members"),
    _long("fetched_at"),
    sa.Column("changed_at", _LONG, nullable=False, server_default="0"),
    sa.Column("before", sa.Text, nullable=False, server_default="[]"),
)
"""The last good answer of each source of people on call that is asked while tocsin runs."""

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

surges = _table("surges", _text("target", key=True), _text("recent"), _maybe_text("storm"), rowid=False)
"""One row a target that incidents have begun to notify."""

for _figure in (occurrences.c.acknowledged_at, occurrences.c.resolved_at):
    sa.Index(
        f"occurrences_{_figure.name}",
        _figure,
        sqlite_where=_figure.is_not(None),
        postgresql_where=_figure.is_not(None),
    )
