"""SQL statements about on-call: overrides, swaps, and the last valid answer about each roster."""

import sqlalchemy as sa

from tocsin.store.sql.dialect import Insert
from tocsin.store.sql.tables import overrides, rosters

_ENDS = overrides.c.ends_at.type

ENDING_AFTER = (
    sa.select(*overrides.c)
    .where(overrides.c.ends_at > sa.bindparam("over_after", type_=_ENDS))
    .order_by(overrides.c.starts_at, overrides.c.id)
)

BY_ID = sa.select(*overrides.c).where(overrides.c.id == sa.bindparam("id", type_=overrides.c.id.type))

PUT = Insert(overrides, "replace")

FORGET = sa.delete(overrides).where(overrides.c.ends_at < sa.bindparam("before", type_=_ENDS))

ROSTERS = sa.select(*rosters.c).order_by(rosters.c.source)

PUT_ROSTER = Insert(rosters, "replace")
