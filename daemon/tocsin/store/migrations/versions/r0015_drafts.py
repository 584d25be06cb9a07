"""A flag for incidents that have drafts waiting for confirmation.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column and its index, and set the flag of existing incidents from their JSON."""
    op.add_column("incidents", sa.Column("drafts", _FLAG, nullable=False, server_default="0"))
    drafts = sa.column("body", sa.Text).contains('"drafts":[{')
    op.execute(sa.update(sa.table("incidents", sa.column("drafts", _FLAG))).values(drafts=1).where(drafts))
    has_drafts = sa.text("drafts > 0")
    op.create_index(
        "incidents_with_drafts", "incidents", ["number"], sqlite_where=has_drafts, postgresql_where=has_drafts
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
