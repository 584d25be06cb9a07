"""An index of waiting pages, so that finding them reads no other pending rows.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WAITING_PAGES = sa.text("state = 'pending' AND job = 'page'")


def upgrade() -> None:
    """Add the index. The previous version works with it unchanged."""
    op.create_index(
        "outbox_pages", "outbox", ["created_at"], sqlite_where=_WAITING_PAGES, postgresql_where=_WAITING_PAGES
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
