"""The time at which an unacknowledged page goes to a fallback.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING_PAGES = sa.text("state = 'pending' AND job = 'page'")


def upgrade() -> None:
    """Add the column, and build the index of waiting pages on it.

    Pages that are pending now become overdue after two minutes, the default of
    ``fallback_after``.
    """
    op.add_column("outbox", sa.Column("overdue_at", _LONG, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE outbox SET overdue_at = created_at + 120000000 WHERE state = 'pending'"))
    op.drop_index("outbox_pages", "outbox")
    op.create_index(
        "outbox_pages", "outbox", ["overdue_at"], sqlite_where=_WAITING_PAGES, postgresql_where=_WAITING_PAGES
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
