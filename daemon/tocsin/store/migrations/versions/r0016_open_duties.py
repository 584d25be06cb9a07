"""A flag for incidents that have duties which are neither done nor waived.

Revision ID: 0016
Revises: 0015
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_FLAG = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_FOLLOW_UP = "follow-up"
"""The kind of the items that a playbook requires."""


def upgrade() -> None:
    """Add the column and its index, and set the flag of existing incidents from their JSON."""
    op.add_column("incidents", sa.Column("open_duties", _FLAG, nullable=False, server_default="0"))
    incidents = sa.table("incidents", sa.column("number", sa.BigInteger), sa.column("body"), sa.column("open_duties"))
    has_open_duties = sa.text("open_duties > 0")
    op.create_index(
        "incidents_with_open_duties",
        "incidents",
        ["number"],
        sqlite_where=has_open_duties,
        postgresql_where=has_open_duties,
    )
    bind: sa.Connection | None = op.get_bind()
    if bind is None:  # only a script is written: a row is marked when it is next changed
        return
    mentions = sa.or_(incidents.c.body.contains('"post_mortem":{'), incidents.c.body.contains(_FOLLOW_UP))
    found = bind.execute(sa.select(incidents.c.number, incidents.c.body).where(mentions))
    for number in [number for number, body in found if _has_open_duties(body)]:
        bind.execute(sa.update(incidents).values(open_duties=1).where(incidents.c.number == number))


def _has_open_duties(body: str) -> bool:
    """Return whether a postmortem or a follow-up of the playbook is to be done; False for a damaged row."""
    try:
        clock: dict[str, Any] = json.loads(body).get("clock") or {}
        required = [item for item in clock.get("items", []) if item["kind"] == _FOLLOW_UP]
        duties = [*required, *([clock["post_mortem"]] if clock.get("post_mortem") else [])]
        return any(duty.get("done_at") is None for duty in duties)
    except (ValueError, AttributeError, KeyError, TypeError):
        return False


def downgrade() -> None:
    """Refuse to downgrade: an older version starts from the backup from before the upgrade."""
    raise NotImplementedError("restore the backup from before the upgrade")
