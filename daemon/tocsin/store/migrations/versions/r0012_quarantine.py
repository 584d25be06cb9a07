"""The number of alerts in each quarantine entry, and how often the entry was received.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns. An existing entry counts as one alert, received once."""
    for name, default in (("alerts", "1"), ("seen", "1"), ("last_at", "0")):
        op.add_column("quarantine", sa.Column(name, _LONG, nullable=False, server_default=default))
    op.execute(sa.text("UPDATE quarantine SET last_at = at"))
    op.drop_index("quarantine_by_age", "quarantine")
    op.create_index("quarantine_by_age", "quarantine", ["last_at", "id"])


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
