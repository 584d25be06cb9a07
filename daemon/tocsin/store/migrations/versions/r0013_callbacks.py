"""The links from a provider's incidents to our pages.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. For incidents that are open now, the links come with the next webhook about each."""
    op.create_table(
        "page_links",
        sa.Column("provider", sa.Text, primary_key=True, nullable=False),
        sa.Column("ref", sa.Text, primary_key=True, nullable=False),
        sa.Column("page_key", sa.Text, primary_key=True, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("page_links_of_page", "page_links", ["page_key"])


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
