"""Faster writes of alerts: fields that no query uses share one column.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Concatenated as text, so that a row whose JSON is damaged on disk stays a single damaged row.
_NUMBERS = ("starts_at", "ends_at", "held_until")
_TEXTS = ("generator_url", "severity")
_JSON = ("labels", "annotations", "trace", "own_labels", "holds")
_FIELDS = [
    *(f"'\"{name}\":' || coalesce({name}, 'null')" for name in _NUMBERS),
    *(f"'\"{name}\":' || json_quote({name})" for name in _TEXTS),
    *(f"'\"{name}\":' || {name}" for name in _JSON),
]
_BODY = "'{' || " + " || ',' || ".join(_FIELDS) + " || '}'"
_KEPT = "source, fingerprint, episode, status, first_seen_at, last_seen_at, incident_id, rules_sha"


def upgrade() -> None:
    """Recreate the table. Only SQLite databases have rows in it."""
    has_rows = op.get_context().dialect.name == "sqlite"
    if has_rows:
        op.drop_index("alerts_of_incident", "alerts")
        op.drop_index("alerts_loose", "alerts")
        op.rename_table("alerts", "alerts_before")
    else:
        op.drop_table("alerts")
    op.create_table(
        "alerts",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "fingerprint")),
        sa.Column("episode", _LONG, nullable=False, autoincrement=False),
        sa.Column("status", sa.Text, nullable=False),
        *(sa.Column(name, _LONG, nullable=False) for name in ("first_seen_at", "last_seen_at")),
        sa.Column("incident_id", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("rules_sha", "body")),
        sa.PrimaryKeyConstraint("source", "fingerprint", "episode"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    if has_rows:
        op.execute(f"INSERT INTO alerts ({_KEPT}, body) SELECT {_KEPT}, {_BODY} FROM alerts_before")  # noqa: S608
        op.drop_table("alerts_before")
    op.create_index("alerts_of_incident", "alerts", ["incident_id"])
    loose = sa.text("incident_id IS NULL AND status = 'resolved'")
    op.create_index(
        "alerts_loose", "alerts", ["incident_id", "last_seen_at"], sqlite_where=loose, postgresql_where=loose
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
