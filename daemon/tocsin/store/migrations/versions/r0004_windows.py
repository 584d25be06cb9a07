"""Manual maintenance windows.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "windows",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "name", "matchers")),
        *(sa.Column(name, _LONG, nullable=False) for name in ("starts_at", "ends_at", "planned_ends_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("comment", "author", "via")),
        sa.Column("created_at", _LONG, nullable=False),
        sa.Column("ended_at", _LONG),
        *(sa.Column(name, sa.Text) for name in ("ended_by", "ended_via")),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("windows_by_end", "windows", ["ends_at"])


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
