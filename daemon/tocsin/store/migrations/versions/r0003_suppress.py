"""Storms: the recent incidents of each target, and the members of each storm.

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
    """Add the columns and the table. The previous version does not know them and writes the defaults."""
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
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
