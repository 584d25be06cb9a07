"""Storms: how many incidents a target has lately had, and which belong to one.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them; the version before this one, which knows nothing of them, writes the defaults."""
    op.add_column("incidents", sa.Column("storm", _LONG))
    op.add_column("incidents", sa.Column("waits", _FLAG, nullable=False, server_default="0"))
    is_member = sa.text("storm IS NOT NULL")
    op.create_index(
        "incidents_of_storm", "incidents", ["storm", "number"], sqlite_where=is_member, postgresql_where=is_member
    )
    op.create_table(
        "surges",
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("recent", sa.Text, nullable=False),
        sa.Column("storm", sa.Text),
        sa.PrimaryKeyConstraint("target"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
