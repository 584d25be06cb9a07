"""When the people whom a source names were last others, and who they were.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; the version before this one, which knows of none, leaves them as they are."""
    op.add_column("rosters", sa.Column("changed_at", _LONG, nullable=False, server_default="0"))
    op.add_column("rosters", sa.Column("before", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
