"""The rules that evaluated each alert, for explanations.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table and the columns. The previous version does not know them and writes their defaults."""
    for name, default in (("rules_sha", ""), ("own_labels", "null"), ("holds", "[]")):
        op.add_column("alerts", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.create_table(
        "rulesets",
        sa.Column("sha", sa.Text, nullable=False),
        sa.Column("used_at", _LONG, nullable=False, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("sha"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
