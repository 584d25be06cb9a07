"""Alerts are written quicker: what is never asked about stands together in one column.

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

# Put together as text: a row whose JSON the disk has spoilt stays one spoilt row.
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
    """Make the table anew; only SQLite has had one with rows in it."""
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
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
