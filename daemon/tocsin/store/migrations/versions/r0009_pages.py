"""Pages that wait are found without reading whatever else waits.

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
    """Add the index; the version before this one does not mind it."""
    op.create_index(
        "outbox_pages", "outbox", ["created_at"], sqlite_where=_WAITING_PAGES, postgresql_where=_WAITING_PAGES
    )


def downgrade() -> None:
    """Schemas only go forward: an older tocsin starts from the backup that was made before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
