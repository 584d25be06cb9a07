"""Indexes that keep the cost of an incident constant, however long it stays open.

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
    """Let the indexes give what is asked for at each change, however many alerts and messages there have been."""
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
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
