"""Incidents have a team that can be asked for.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the version before this one, which knows nothing of it, writes its default."""
    op.add_column("incidents", sa.Column("team", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
