"""The interval of each source's Watchdog, and the time at which it was reported resolved.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns. The previous version does not know them and leaves them empty."""
    for name in ("every", "lost_at"):
        op.add_column("heartbeats", sa.Column(name, _LONG))


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
