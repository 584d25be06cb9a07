"""SQL statements for the measures of a period: each reads some rows after a cursor, in the order of an index."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from tocsin.store.sql.statements import INCIDENT, LIMIT, parameter
from tocsin.store.sql.tables import (
    HAS_FOLLOW_UPS,
    IS_ACCEPTED_PAGE,
    IS_COUNTED,
    IS_MEASURED,
    entries,
    incidents,
    occurrences,
    outbox,
)


def _after(*columns: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a row comes after the cursor, whose parameters have the names of the columns."""
    return sa.tuple_(*columns) > sa.tuple_(*(parameter(column) for column in columns))


_RESOLVED = (occurrences.c.resolved_at, occurrences.c.incident_id, occurrences.c.occurrence)

OCCURRENCES_RESOLVED = (
    sa.select(*occurrences.c)
    .where(
        occurrences.c.resolved_at.is_not(None),
        _after(*_RESOLVED),
        IS_COUNTED,
        occurrences.c.opened_at < parameter(occurrences.c.opened_at, "opened_before"),
    )
    .order_by(*_RESOLVED)
    .limit(LIMIT)
)

FIRST_OCCURRENCE_AT = sa.select(sa.func.min(occurrences.c.opened_at)).where(IS_COUNTED)

_ENTRY = (entries.c.at, entries.c.incident_id, entries.c.seq)

MEASURED_ENTRIES = sa.select(*entries.c).where(IS_MEASURED, _after(*_ENTRY)).order_by(*_ENTRY).limit(LIMIT)

_PAGE = (outbox.c.done_at, outbox.c.order_no)

ACCEPTED_PAGES = (
    sa.select(*outbox.c)
    .where(IS_ACCEPTED_PAGE, _after(*_PAGE), outbox.c.done_at < parameter(outbox.c.done_at, "before"))
    .order_by(*_PAGE)
    .limit(LIMIT)
)

INCIDENTS_WITH_DUTIES = (
    sa.select(*INCIDENT)
    .where(HAS_FOLLOW_UPS, incidents.c.number > parameter(incidents.c.number, "after_number"))
    .order_by(incidents.c.number)
    .limit(LIMIT)
)


@cache
def incidents_by_id(many: int) -> sa.Select[Any]:
    """Return the statement that looks up ``many`` incidents by id."""
    ids = [sa.bindparam(f"id_{number}", type_=incidents.c.id.type) for number in range(many)]
    return sa.select(*INCIDENT).where(incidents.c.id.in_(ids))
