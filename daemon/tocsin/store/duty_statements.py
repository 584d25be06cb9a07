"""The statements that reports and reminders rest on."""

import sqlalchemy as sa

from tocsin.store.dialect import Insert
from tocsin.store.tables import IS_TO_BE_DONE, breaches, follow_ups, occurrences, reminders

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

REMINDED = sa.select(*reminders.c).where(
    reminders.c.playbook == sa.bindparam("playbook", type_=reminders.c.playbook.type),
    reminders.c.name == sa.bindparam("name", type_=reminders.c.name.type),
)

ALL_REMINDED = sa.select(*reminders.c).order_by(reminders.c.playbook, reminders.c.name)

PUT_BREACH = Insert(breaches, "keep")

PUT_FOLLOW = Insert(follow_ups, "replace")

PUT_REMINDED = Insert(reminders, "replace")

DROP_REMINDED = sa.delete(reminders).where(
    reminders.c.playbook == sa.bindparam("playbook", type_=reminders.c.playbook.type),
    reminders.c.name == sa.bindparam("name", type_=reminders.c.name.type),
)
