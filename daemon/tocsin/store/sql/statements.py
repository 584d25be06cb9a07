"""The SQL statements of incidents, alerts and their timelines, for all dialects.

Conditions of partial indexes use the table's own expression (`IS_OPEN`,
`IS_PENDING`), never a parameter: otherwise the query planner cannot tell that the
index holds the rows.
"""

from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any, Protocol

import sqlalchemy as sa

from tocsin.core.alerts.alert import SELF_SOURCE, EpisodeStatus
from tocsin.store.sql.dialect import Insert, value
from tocsin.store.sql.tables import (
    HAS_DRAFTS,
    HAS_OPEN_DUTIES,
    IS_NOT_FIRING,
    IS_OPEN,
    alerts,
    counters,
    entries,
    heartbeats,
    incidents,
    literal,
    message_refs,
    occurrences,
    outbox,
    plans,
    quarantine,
)

CHUNKS = (64, 32, 16, 8, 4, 2, 1)
"""Numbers of keys or rows of one execution. There are few sizes, so that each statement is prepared once. There are few
executions, because each one releases the GIL and waits to get it back."""


class OfMany(Protocol):
    """Factory of a statement that looks up a number of keys, or writes a number of rows."""

    def __call__(self, many: int) -> sa.Select[Any] | sa.Update:
        """Return the statement for ``many`` keys or rows; the same object for the same number."""
        ...


LIMIT = sa.bindparam("limit", type_=sa.Integer)


def parameter(column: sa.Column[Any], name: str | None = None) -> sa.BindParameter[Any]:
    """Return a parameter of the column's type, named ``name`` or like the column."""
    return sa.bindparam(name or column.name, type_=column.type)


def is_given(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that the column equals the parameter of its name."""
    return column == parameter(column)


NOW = sa.bindparam("now", type_=outbox.c.not_before.type)


def rows_given(many: int, *columns: sa.Column[Any]) -> sa.CTE:
    """Return a CTE of ``many`` rows with these columns; its parameters are in this order."""
    numbers = count()
    rows = [tuple(sa.bindparam(f"given_{next(numbers)}", type_=column.type) for column in columns) for _ in range(many)]
    return sa.values(*(sa.column(column.name, column.type) for column in columns), name="given").data(rows).cte("given")


@cache
def locking(select: sa.Select[Any], *, of: sa.Table = incidents, skip_locked: bool = False) -> sa.Select[Any]:
    """Return the statement with row locks (SELECT FOR UPDATE), which last until the commit.

    SQLite has a single writer and ignores row locks.
    """
    return select.with_for_update(of=of, skip_locked=skip_locked)


# Alerts

_FIRING = literal(EpisodeStatus.FIRING.value)


@cache
def latest_episodes(many: int) -> sa.Select[Any]:
    """Return the statement for the newest episode of each of ``many`` pairs (source, fingerprint)."""
    requested, other = rows_given(many, alerts.c.source, alerts.c.fingerprint), alerts.alias("other")
    newest = (
        sa.select(sa.func.max(other.c.episode))
        .where(other.c.source == requested.c.source, other.c.fingerprint == requested.c.fingerprint)
        .correlate(requested)
        .scalar_subquery()
    )
    return sa.select(*alerts.c).join_from(
        requested,
        alerts,
        sa.and_(
            alerts.c.source == requested.c.source,
            alerts.c.fingerprint == requested.c.fingerprint,
            alerts.c.episode == newest,
        ),
    )


EPISODES_OF = (
    sa.select(*alerts.c)
    .where(is_given(alerts.c.incident_id))
    .order_by(
        IS_NOT_FIRING,
        alerts.c.first_seen_at,
        alerts.c.source,
        alerts.c.fingerprint,
        alerts.c.episode,
    )
    .limit(LIMIT)
)

SELF_EPISODES = (
    sa.select(*alerts.c)
    .where(
        alerts.c.source == literal(SELF_SOURCE),
        alerts.c.status == _FIRING,
        alerts.c.last_seen_at < parameter(alerts.c.last_seen_at, "seen_before"),
    )
    .order_by(alerts.c.last_seen_at, alerts.c.fingerprint, alerts.c.episode)
)

EPISODES_AFTER = (
    sa.select(*alerts.c)
    .where(
        sa.tuple_(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
        > sa.tuple_(parameter(alerts.c.source), parameter(alerts.c.fingerprint), parameter(alerts.c.episode)),
        alerts.c.last_seen_at >= parameter(alerts.c.last_seen_at, "seen_since"),
    )
    .order_by(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
    .limit(LIMIT)
)

PUT_EPISODE = Insert(alerts, "replace")


# Incidents

INCIDENT = (incidents.c.id, incidents.c.plan_sha, incidents.c.body)

INCIDENT_BY_ID = sa.select(*INCIDENT).where(is_given(incidents.c.id))

INCIDENT_BY_NUMBER = sa.select(*INCIDENT).where(is_given(incidents.c.number))


@cache
def latest_incidents(many: int) -> sa.Select[Any]:
    """Return the statement for (dedup_key, incident) of ``many`` dedup keys: the open incident, else the newest."""
    requested, other = rows_given(many, incidents.c.dedup_key), incidents.alias("other")
    of_key = sa.and_(other.c.dedup_key == requested.c.dedup_key)
    is_open = sa.and_(of_key, other.c.state != IS_OPEN.right)
    open_number = sa.select(other.c.number).where(is_open).correlate(requested).scalar_subquery()
    newest_number = sa.select(sa.func.max(other.c.number)).where(of_key).correlate(requested).scalar_subquery()
    return sa.select(incidents.c.dedup_key, *INCIDENT).join_from(
        requested, incidents, incidents.c.number == sa.func.coalesce(open_number, newest_number)
    )


@cache
def open_alike(columns: frozenset[str], severities: int) -> sa.Select[Any]:
    """Return the statement for the dedup keys of open incidents that match ``columns`` and one of the severities.

    ``severities`` is the number of severities; 0 matches all.
    """
    keys = sa.select(incidents.c.dedup_key).where(IS_OPEN).order_by(incidents.c.dedup_key).limit(LIMIT)
    for column in sorted(columns):
        keys = keys.where(is_given(incidents.c[column]))
    if severities:
        names = [sa.bindparam(f"severity_{n}", type_=sa.Text) for n in range(severities)]
        keys = keys.where(incidents.c.severity.in_(names))
    return keys


EPISODES_SINCE = (
    sa.select(sa.func.count())
    .select_from(incidents)
    .join(alerts, alerts.c.incident_id == incidents.c.id)
    .where(is_given(incidents.c.dedup_key), alerts.c.first_seen_at >= parameter(alerts.c.first_seen_at, "since"))
)


@cache
def incident_page(states: int, is_open_only: bool, fields: frozenset[str]) -> sa.Select[Any]:
    """Return the statement for a page of incidents, newest first.

    Args:
        states: Number of states to select; 0 selects all.
        is_open_only: Use the index of open incidents: none of the states is resolved.
        fields: Columns to match; ``before_number`` selects smaller incident numbers.
    """
    page = sa.select(*INCIDENT).order_by(incidents.c.number.desc()).limit(LIMIT)
    if states:
        page = page.where(incidents.c.state.in_([sa.bindparam(f"state_{n}", type_=sa.Text) for n in range(states)]))
    if is_open_only:
        page = page.where(IS_OPEN)
    for field in sorted(fields - {"before_number", "drafts", "open_duties"}):
        page = page.where(is_given(incidents.c[field]))
    if "drafts" in fields:
        page = page.where(HAS_DRAFTS)
    if "open_duties" in fields:
        page = page.where(HAS_OPEN_DUTIES)
    if "before_number" in fields:
        page = page.where(incidents.c.number < parameter(incidents.c.number, "before_number"))
    return page


DUE_INCIDENTS = (
    sa.select(*INCIDENT).where(incidents.c.due_at <= NOW).order_by(incidents.c.due_at, incidents.c.number).limit(LIMIT)
)

DUE_AT_OF = sa.select(incidents.c.due_at).where(is_given(incidents.c.id))

NEXT_DUE = (
    sa.select(incidents.c.id, incidents.c.due_at)
    .where(incidents.c.due_at.is_not(None))
    .order_by(incidents.c.due_at)
    .limit(LIMIT)
)

OPEN_COUNTS = (
    sa.select(incidents.c.playbook, incidents.c.severity, incidents.c.state, sa.func.count())
    .where(IS_OPEN)
    .group_by(incidents.c.playbook, incidents.c.severity, incidents.c.state)
)

EXHAUSTED_COUNTS = (
    sa.select(incidents.c.playbook, sa.func.count())
    .where(IS_OPEN, incidents.c.fallback_at.is_not(None))
    .group_by(incidents.c.playbook)
)

INSERT_INCIDENT = Insert(incidents, "fail")

_NEVER_CHANGE = ("id", "number", "dedup_key")
_INDEXED = ("state", "due_at", "resolved_at")


UPDATE_INCIDENT = (
    sa.update(incidents)
    .values({column.name: value(column) for column in incidents.c if column.name not in (*_NEVER_CHANGE, *_INDEXED)})
    .where(incidents.c.id == value(incidents.c.id), incidents.c.number == value(incidents.c.number))
)
"""Updates all columns except those in indexes."""


@cache
def move_incidents(many: int) -> sa.Update:
    """Return the statement that updates the indexed columns of ``many`` incidents where their values differ.

    Setting a column rewrites its indexes even if the value stays the same.
    """
    updated = rows_given(many, *incidents.c)
    return (
        sa.update(incidents)
        .values({name: updated.c[name] for name in _INDEXED})
        .where(
            incidents.c.number == updated.c.number,
            sa.or_(*(incidents.c[name].is_distinct_from(updated.c[name]) for name in _INDEXED)),
        )
    )


PLAN = sa.select(plans.c.body).where(is_given(plans.c.sha))

SAVE_PLAN = Insert(plans, "keep")

START_COUNTER = Insert(counters, "keep")

PUT_MOMENT = Insert(counters, "replace")

MOMENTS = sa.select(counters.c.name, counters.c.value)

COUNT_ON = (
    sa.update(counters)
    .values(value=counters.c.value + parameter(counters.c.value, "by"))
    .where(counters.c.name == parameter(counters.c.name, "counter"))
    .returning(counters.c.value)
)
"""Increments and reads in one statement, so that no other transaction can read the same number."""

MESSAGE_REF = sa.select(message_refs.c.ref, message_refs.c.seq).where(
    is_given(message_refs.c.incident_id), is_given(message_refs.c.channel), is_given(message_refs.c.destination)
)

PUT_MESSAGE_REF = Insert(message_refs, "replace")


# Timelines

ENTRIES = (
    sa.select(*entries.c)
    .where(is_given(entries.c.incident_id), entries.c.seq > parameter(entries.c.seq, "after_seq"))
    .order_by(entries.c.seq)
    .limit(LIMIT)
)

APPEND_ENTRY = Insert(entries, "fail")


# Heartbeats and quarantine

HEARTBEATS = sa.select(*heartbeats.c).order_by(heartbeats.c.source)

PUT_HEARTBEAT = Insert(heartbeats, "replace")

QUARANTINED = sa.select(*quarantine.c).order_by(quarantine.c.last_at.desc(), quarantine.c.id.desc()).limit(LIMIT)

QUARANTINE = Insert(quarantine, "keep")

QUARANTINED_AGAIN = (
    sa.update(quarantine)
    .where(quarantine.c.id == parameter(quarantine.c.id))
    .values(seen=quarantine.c.seen + 1, last_at=value(quarantine.c.last_at), alerts=value(quarantine.c.alerts))
)

_NEWEST_QUARANTINED = (
    sa.select(quarantine.c.id).order_by(quarantine.c.last_at.desc(), quarantine.c.id.desc()).limit(LIMIT)
)
FORGET_QUARANTINED = sa.delete(quarantine).where(quarantine.c.id.not_in(_NEWEST_QUARANTINED))


# Measures

PUT_OCCURRENCE = Insert(occurrences, "replace")


def _means(end: sa.Column[Any], counted_at: sa.Column[Any]) -> sa.Select[Any]:
    """Return the statement for the sum and the count of times from opening to ``end``, filtered by ``counted_at``."""
    return (
        sa.select(
            occurrences.c.playbook,
            occurrences.c.severity,
            sa.func.sum(end - occurrences.c.opened_at),
            sa.func.count(),
        )
        .where(
            occurrences.c.counted == 1,
            end.is_not(None),
            counted_at >= sa.bindparam("since", type_=counted_at.type),
        )
        .group_by(occurrences.c.playbook, occurrences.c.severity)
        .order_by(occurrences.c.playbook, occurrences.c.severity)
    )


MEANS: Mapping[str, sa.Select[Any]] = {
    "acknowledge": _means(occurrences.c.acknowledged_at, occurrences.c.acknowledged_at),
    "resolve": _means(occurrences.c.ended_at, occurrences.c.resolved_at),
}
