"""How often a source's Watchdog comes, and that it was reported resolved.

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
    """Add the columns; the version before this one, which knows of none, leaves them empty."""
    for name in ("every", "lost_at"):
        op.add_column("heartbeats", sa.Column(name, _LONG))


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
