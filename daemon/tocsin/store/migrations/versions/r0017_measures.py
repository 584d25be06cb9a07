"""Indexes for reports, and a flag for incidents with open duties or action items.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column and the indexes.

    The flag is set for every incident with duties, also if all are done: the next change of the incident corrects it.
    """
    op.add_column("incidents", sa.Column("follow_ups", _FLAG, nullable=False, server_default="0"))
    body = sa.column("body", sa.Text)
    has_duties = sa.or_(*(body.contains(part) for part in ('"post_mortem":{', '"items":[{', '"duties":[{')))
    op.execute(sa.update(sa.table("incidents", sa.column("follow_ups", _FLAG))).values(follow_ups=1).where(has_duties))
    _partial_index("incidents_with_follow_ups", "incidents", ["number"], "follow_ups > 0")
    measured = "kind IN ('breached', 'duty_done', 'duty_waived', 'item_done', 'post_mortem_done', 'post_mortem_waived')"
    _partial_index("entries_measured", "entries", ["at", "incident_id", "seq"], measured)
    accepted = "state = 'sent' AND job = 'page'"
    _partial_index("outbox_accepted_pages", "outbox", ["done_at", "order_no"], accepted)
    _partial_index("occurrences_opened_at", "occurrences", ["opened_at"], "counted = 1")


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
