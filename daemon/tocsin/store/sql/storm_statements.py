"""SQL statements about storms."""

import sqlalchemy as sa

from tocsin.store.sql.dialect import Insert
from tocsin.store.sql.tables import IS_OPEN, incidents, surges

SURGE = sa.select(*surges.c).where(surges.c.target == sa.bindparam("target", type_=sa.Text))

PUT_SURGE = Insert(surges, "replace")

_storm, _member = incidents.alias("storm"), incidents.alias("member")

_IS_WAITING_MEMBER = sa.and_(_member.c.storm == _storm.c.number, _member.c.waits == 1, _member.c.state != IS_OPEN.right)

OPEN_STORMS = (
    sa.select(surges.c.target, sa.func.count(_member.c.number))
    .join(_storm, _storm.c.id == surges.c.storm)
    .outerjoin(_member, _IS_WAITING_MEMBER)
    .group_by(surges.c.target)
)
