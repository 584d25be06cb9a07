"""How often a source's Watchdog comes, and that it was reported resolved.

Revision ID: channels
Revises: people
"""

import sqlalchemy as sa
from alembic import op

revision = "channels"
down_revision = "people"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; the version before this one, which knows of none, leaves them empty."""
    for name in ("every", "lost_at"):
        op.add_column("heartbeats", sa.Column(name, _LONG))


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
