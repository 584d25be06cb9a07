"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _alerts()
    _incidents()
    _timelines()
    _outbox()
    _inbound()
    _measures()


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")


def _table(name: str, *parts: sa.schema.SchemaItem, rowid: bool = True) -> None:
    op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _maybe_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text)


def _longs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _LONG, nullable=False, autoincrement=False) for name in names]


def _maybe_longs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _LONG) for name in names]


def _flags(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _FLAG, nullable=False) for name in names]


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    clause = None if where is None else sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=clause, postgresql_where=clause)


def _alerts() -> None:
    _table(
        "alerts",
        *_texts("source", "fingerprint"),
        *_longs("episode"),
        *_texts("status"),
        *_maybe_longs("starts_at", "ends_at"),
        *_longs("first_seen_at", "last_seen_at"),
        *_maybe_longs("held_until"),
        *_texts("labels", "annotations", "generator_url"),
        _maybe_text("incident_id"),
        *_texts("severity", "trace"),
        sa.PrimaryKeyConstraint("source", "fingerprint", "episode"),
    )
    _index("alerts_of_incident", "alerts", "incident_id")
    is_loose = "incident_id IS NULL AND status = 'resolved'"
    _index("alerts_loose", "alerts", "incident_id", "last_seen_at", where=is_loose)


def _incidents() -> None:
    _table(
        "incidents",
        *_longs("number"),
        *_texts("id", "dedup_key", "state", "severity", "playbook", "service"),
        *_maybe_longs("due_at", "fallback_at", "resolved_at"),
        *_texts("plan_sha", "body"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id", name="incidents_id"),
    )
    _index("incidents_of_key", "incidents", "dedup_key", "number")
    _index("incidents_open", "incidents", "dedup_key", unique=True, where="state != 'resolved'")
    _index("incidents_due", "incidents", "due_at", where="due_at IS NOT NULL")
    is_over = "state = 'resolved' AND due_at IS NULL AND resolved_at IS NOT NULL"
    _index("incidents_over", "incidents", "resolved_at", where=is_over)
    _table("plans", *_texts("sha", "body"), sa.PrimaryKeyConstraint("sha"))
    _table("counters", *_texts("name"), *_longs("value"), sa.PrimaryKeyConstraint("name"))


def _timelines() -> None:
    _table(
        "entries",
        *_texts("incident_id"),
        *_longs("seq", "at"),
        *_texts("kind", "actor", "via", "data"),
        sa.PrimaryKeyConstraint("incident_id", "seq"),
        rowid=False,
    )
    _table(
        "message_refs",
        *_texts("incident_id", "channel", "destination", "ref"),
        *_longs("seq"),
        sa.PrimaryKeyConstraint("incident_id", "channel", "destination"),
        rowid=False,
    )


def _outbox() -> None:
    _table(
        "outbox",
        *_texts("key"),
        sa.Column("order_no", _LONG, nullable=False, autoincrement=True),
        *_texts("incident_id"),
        *_longs("occurrence", "round"),
        *_texts("step"),
        *_longs("tier"),
        *_texts("target", "channel", "destination", "recipient", "job", "until", "severity", "because", "about"),
        *_flags("stranded"),
        *_longs("late", "received_at"),
        *_texts("state"),
        *_longs("not_before", "attempts", "fence"),
        *_maybe_longs("lease_until"),
        *_flags("possibly_delivered", "fell_back"),
        *_longs("created_at"),
        *_maybe_longs("done_at"),
        sa.PrimaryKeyConstraint("order_no"),
        sa.UniqueConstraint("key", name="outbox_key"),
    )
    _index("outbox_lane", "outbox", "incident_id", "channel", "destination", "order_no")
    _index("outbox_pending", "outbox", "not_before", where="state = 'pending'")
    _index("outbox_leased", "outbox", "lease_until", where="state = 'pending' AND lease_until IS NOT NULL")
    _table(
        "attempts",
        *_texts("key"),
        *_longs("attempt", "fence", "started_at"),
        *_maybe_longs("finished_at"),
        *_texts("outcome", "reason"),
        *_maybe_longs("http_status"),
        *_texts("ref", "detail"),
        sa.PrimaryKeyConstraint("key", "attempt"),
        rowid=False,
    )


def _inbound() -> None:
    _table(
        "inbound",
        *_texts("origin", "key"),
        *_longs("seen_at"),
        sa.PrimaryKeyConstraint("origin", "key"),
        rowid=False,
    )
    _index("inbound_by_age", "inbound", "seen_at")
    _table("heartbeats", *_texts("source"), *_longs("last_seen_at"), sa.PrimaryKeyConstraint("source"))
    _table(
        "quarantine",
        *_texts("id"),
        *_longs("at"),
        *_texts("source", "sha256", "body", "error"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("quarantine_by_age", "quarantine", "at")


def _measures() -> None:
    _table(
        "occurrences",
        *_texts("incident_id"),
        *_longs("occurrence"),
        *_texts("playbook", "severity", "service"),
        *_maybe_longs("first_alert_at"),
        *_longs("opened_at"),
        *_maybe_longs("acknowledged_at", "resolved_at", "ended_at"),
        *_texts("cause"),
        *_flags("counted"),
        sa.PrimaryKeyConstraint("incident_id", "occurrence"),
        rowid=False,
    )
    for figure in ("acknowledged_at", "resolved_at"):
        _index(f"occurrences_{figure}", "occurrences", figure, where=f"{figure} IS NOT NULL")
