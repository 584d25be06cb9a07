"""The last change of each roster, and its members before that change.

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
    """Add the columns. The previous version does not know them and leaves them unchanged."""
    op.add_column("rosters", sa.Column("changed_at", _LONG, nullable=False, server_default="0"))
    op.add_column("rosters", sa.Column("before", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
