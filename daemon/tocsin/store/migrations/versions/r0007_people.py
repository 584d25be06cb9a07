"""Manual overrides and swaps of rotations, and the last good answers of roster sources.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "overrides",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "rotation", "person", "swaps_with")),
        *(sa.Column(name, _LONG, nullable=False) for name in ("starts_at", "ends_at", "planned_ends_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("comment", "author", "via")),
        sa.Column("created_at", _LONG, nullable=False),
        sa.Column("ended_at", _LONG),
        *(sa.Column(name, sa.Text) for name in ("ended_by", "ended_via")),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("overrides_by_end", "overrides", ["ends_at"])
    op.create_table(
        "rosters",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "members")),
        sa.Column("fetched_at", _LONG, nullable=False),
        sa.PrimaryKeyConstraint("source"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
