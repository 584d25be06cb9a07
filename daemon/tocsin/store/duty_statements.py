"""The statements that reports rest on."""

import sqlalchemy as sa

from tocsin.store.dialect import Insert
from tocsin.store.tables import IS_TO_BE_DONE, breaches, follow_ups, occurrences

_SINCE = sa.bindparam("since", type_=breaches.c.at.type)

OCCURRENCES = (
    sa.select(*occurrences.c)
    .where(sa.or_(occurrences.c.acknowledged_at >= _SINCE, occurrences.c.resolved_at >= _SINCE))
    .order_by(occurrences.c.opened_at, occurrences.c.incident_id, occurrences.c.occurrence)
)

BREACHES = (
    sa.select(*breaches.c)
    .where(breaches.c.at >= _SINCE)
    .order_by(breaches.c.at, breaches.c.incident_id, breaches.c.occurrence, breaches.c.promise)
)

FOLLOWS = (
    sa.select(*follow_ups.c)
    .where(sa.or_(IS_TO_BE_DONE, follow_ups.c.due_at >= _SINCE, follow_ups.c.done_at >= _SINCE))
    .order_by(follow_ups.c.due_at, follow_ups.c.incident_id, follow_ups.c.name)
)

PUT_BREACH = Insert(breaches, "keep")

PUT_FOLLOW = Insert(follow_ups, "replace")
