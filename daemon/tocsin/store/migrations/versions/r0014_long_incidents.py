"""Indexes that keep the cost of an incident constant, no matter how long it stays open.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace indexes, so that the cost of a change does not grow with the number of alerts and messages."""
    op.drop_index("alerts_of_incident", "alerts")
    op.create_index("alerts_of_incident", "alerts", ["incident_id", sa.text("(status != 'firing')"), "first_seen_at"])
    op.drop_index("outbox_lane", "outbox")
    op.create_index("outbox_of_incident", "outbox", ["incident_id", "order_no"])
    is_pending = sa.text("state = 'pending'")
    op.create_index(
        "outbox_waiting_in_lane",
        "outbox",
        ["incident_id", "channel", "destination", "order_no"],
        sqlite_where=is_pending,
        postgresql_where=is_pending,
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
