"""What reports rest on: breaches, and what is to be done after an incident.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "breaches",
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("occurrence", _LONG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("promise", "playbook", "severity", "service")),
        *(sa.Column(name, _LONG, nullable=False) for name in ("due_at", "at")),
        sa.PrimaryKeyConstraint("incident_id", "occurrence", "promise"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("breaches_by_age", "breaches", ["at"])
    op.create_table(
        "follow_ups",
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("incident_id", "name", "playbook", "severity", "text", "owner")
        ),
        *(sa.Column(name, _LONG, nullable=False) for name in ("asked_at", "due_at")),
        sa.Column("done_at", _LONG),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "name"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("follow_ups_due", "follow_ups", ["due_at"])
    op.create_index("follow_ups_done", "follow_ups", ["done_at"])
    is_open = sa.text("outcome = 'open'")
    op.create_index("follow_ups_open", "follow_ups", ["outcome"], sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
