"""Every statement, once, for both engines.

A condition that a partial index rests on is written with the table's own
expression (`IS_OPEN`, `IS_PENDING`), never with a parameter: the planner could
not know that the index has the rows.
"""

from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any, Protocol

import sqlalchemy as sa

from tocsin.core.alert import SELF_SOURCE, EpisodeStatus
from tocsin.store.dialect import Insert, value
from tocsin.store.tables import (
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
"""How many keys or rows one execution takes: few sizes, so that each text is prepared once, and few executions,
because each of them hands the interpreter over to the other threads and waits to have it back."""


class OfMany(Protocol):
    """Makes the statement that looks up that many keys, or writes that many rows."""

    def __call__(self, many: int) -> sa.Select[Any] | sa.Update:
        """The same statement each time."""
        ...


LIMIT = sa.bindparam("limit", type_=sa.Integer)


def given(column: sa.Column[Any], name: str | None = None) -> sa.BindParameter[Any]:
    """A parameter for a value of this column, which is called like it, or otherwise."""
    return sa.bindparam(name or column.name, type_=column.type)


def is_given(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Whether the column has the value given under its name."""
    return column == given(column)


NOW = sa.bindparam("now", type_=outbox.c.not_before.type)


def rows_given(many: int, *columns: sa.Column[Any]) -> sa.CTE:
    """That many rows of these columns, as parameters in this order."""
    numbers = count()
    rows = [tuple(sa.bindparam(f"given_{next(numbers)}", type_=column.type) for column in columns) for _ in range(many)]
    return sa.values(*(sa.column(column.name, column.type) for column in columns), name="given").data(rows).cte("given")


@cache
def locking(select: sa.Select[Any], *, of: sa.Table = incidents, skip_locked: bool = False) -> sa.Select[Any]:
    """The same for who will change what it finds: no other node may, or read it for that, before the commit.

    SQLite has one writer, and nothing to say for this.
    """
    return select.with_for_update(of=of, skip_locked=skip_locked)


# Alerts

_FIRING = literal(EpisodeStatus.FIRING.value)


@cache
def latest_episodes(many: int) -> sa.Select[Any]:
    """The newest episode of each of some (source, fingerprint)."""
    wanted, other = rows_given(many, alerts.c.source, alerts.c.fingerprint), alerts.alias("other")
    newest = (
        sa.select(sa.func.max(other.c.episode))
        .where(other.c.source == wanted.c.source, other.c.fingerprint == wanted.c.fingerprint)
        .correlate(wanted)
        .scalar_subquery()
    )
    return sa.select(*alerts.c).join_from(
        wanted,
        alerts,
        sa.and_(
            alerts.c.source == wanted.c.source,
            alerts.c.fingerprint == wanted.c.fingerprint,
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
        alerts.c.last_seen_at < given(alerts.c.last_seen_at, "seen_before"),
    )
    .order_by(alerts.c.last_seen_at, alerts.c.fingerprint, alerts.c.episode)
)

EPISODES_AFTER = (
    sa.select(*alerts.c)
    .where(
        sa.tuple_(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
        > sa.tuple_(given(alerts.c.source), given(alerts.c.fingerprint), given(alerts.c.episode)),
        alerts.c.last_seen_at >= given(alerts.c.last_seen_at, "seen_since"),
    )
    .order_by(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
    .limit(LIMIT)
)

PUT_EPISODE = Insert(alerts, "replace")


# Incidents

_INCIDENT = (incidents.c.id, incidents.c.plan_sha, incidents.c.body)

INCIDENT_BY_ID = sa.select(*_INCIDENT).where(is_given(incidents.c.id))

INCIDENT_BY_NUMBER = sa.select(*_INCIDENT).where(is_given(incidents.c.number))


@cache
def latest_incidents(many: int) -> sa.Select[Any]:
    """(dedup_key, incident) of each of some dedup keys: the open one, or else the newest."""
    wanted, other = rows_given(many, incidents.c.dedup_key), incidents.alias("other")
    of_key = sa.and_(other.c.dedup_key == wanted.c.dedup_key)
    is_open = sa.and_(of_key, other.c.state != IS_OPEN.right)
    open_one = sa.select(other.c.number).where(is_open).correlate(wanted).scalar_subquery()
    newest = sa.select(sa.func.max(other.c.number)).where(of_key).correlate(wanted).scalar_subquery()
    return sa.select(incidents.c.dedup_key, *_INCIDENT).join_from(
        wanted, incidents, incidents.c.number == sa.func.coalesce(open_one, newest)
    )


@cache
def open_alike(columns: frozenset[str], severities: int) -> sa.Select[Any]:
    """The dedup keys of open incidents with these columns given and one of so many severities."""
    found = sa.select(incidents.c.dedup_key).where(IS_OPEN).order_by(incidents.c.dedup_key).limit(LIMIT)
    for column in sorted(columns):
        found = found.where(is_given(incidents.c[column]))
    if severities:
        given = [sa.bindparam(f"severity_{n}", type_=sa.Text) for n in range(severities)]
        found = found.where(incidents.c.severity.in_(given))
    return found


EPISODES_SINCE = (
    sa.select(sa.func.count())
    .select_from(incidents)
    .join(alerts, alerts.c.incident_id == incidents.c.id)
    .where(is_given(incidents.c.dedup_key), alerts.c.first_seen_at >= given(alerts.c.first_seen_at, "since"))
)


@cache
def incident_page(states: int, among_open: bool, fields: frozenset[str]) -> sa.Select[Any]:
    """Incidents, newest first: of ``states`` states, with these columns given, maybe before a number."""
    page = sa.select(*_INCIDENT).order_by(incidents.c.number.desc()).limit(LIMIT)
    if states:
        page = page.where(incidents.c.state.in_([sa.bindparam(f"state_{n}", type_=sa.Text) for n in range(states)]))
    if among_open:
        page = page.where(IS_OPEN)
    for field in sorted(fields - {"before_number"}):
        page = page.where(is_given(incidents.c[field]))
    if "before_number" in fields:
        page = page.where(incidents.c.number < given(incidents.c.number, "before_number"))
    return page


DUE_INCIDENTS = (
    sa.select(*_INCIDENT).where(incidents.c.due_at <= NOW).order_by(incidents.c.due_at, incidents.c.number).limit(LIMIT)
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
_MOVE = ("state", "due_at", "resolved_at")


UPDATE_INCIDENT = (
    sa.update(incidents)
    .values({column.name: value(column) for column in incidents.c if column.name not in (*_NEVER_CHANGE, *_MOVE)})
    .where(incidents.c.id == value(incidents.c.id), incidents.c.number == value(incidents.c.number))
)
"""All but what indexes rest on."""


@cache
def move_incidents(many: int) -> sa.Update:
    """Those of some incidents that have moved: setting a column writes its indexes anew even where its value stays."""
    given = rows_given(many, *incidents.c)
    return (
        sa.update(incidents)
        .values({name: given.c[name] for name in _MOVE})
        .where(
            incidents.c.number == given.c.number,
            sa.or_(*(incidents.c[name].is_distinct_from(given.c[name]) for name in _MOVE)),
        )
    )


PLAN = sa.select(plans.c.body).where(is_given(plans.c.sha))

SAVE_PLAN = Insert(plans, "keep")

START_COUNTER = Insert(counters, "keep")

PROBE = Insert(counters, "replace")

COUNT_ON = (
    sa.update(counters)
    .values(value=counters.c.value + given(counters.c.value, "by"))
    .where(counters.c.name == given(counters.c.name, "counter"))
    .returning(counters.c.value)
)
"""Counts and reads at once: nobody can come in between."""

MESSAGE_REF = sa.select(message_refs.c.ref, message_refs.c.seq).where(
    is_given(message_refs.c.incident_id), is_given(message_refs.c.channel), is_given(message_refs.c.destination)
)

PUT_MESSAGE_REF = Insert(message_refs, "replace")


# Timelines

ENTRIES = (
    sa.select(*entries.c)
    .where(is_given(entries.c.incident_id), entries.c.seq > given(entries.c.seq, "after_seq"))
    .order_by(entries.c.seq)
    .limit(LIMIT)
)

APPEND_ENTRY = Insert(entries, "fail")


# What comes in besides alerts

HEARTBEATS = sa.select(*heartbeats.c).order_by(heartbeats.c.source)

PUT_HEARTBEAT = Insert(heartbeats, "replace")

QUARANTINED = sa.select(*quarantine.c).order_by(quarantine.c.last_at.desc(), quarantine.c.id.desc()).limit(LIMIT)

QUARANTINE = Insert(quarantine, "keep")

QUARANTINED_AGAIN = (
    sa.update(quarantine)
    .where(quarantine.c.id == given(quarantine.c.id))
    .values(seen=quarantine.c.seen + 1, last_at=value(quarantine.c.last_at), alerts=value(quarantine.c.alerts))
)

_NEWEST_QUARANTINED = (
    sa.select(quarantine.c.id).order_by(quarantine.c.last_at.desc(), quarantine.c.id.desc()).limit(LIMIT)
)
FORGET_QUARANTINED = sa.delete(quarantine).where(quarantine.c.id.not_in(_NEWEST_QUARANTINED))


# Measures

PUT_OCCURRENCE = Insert(occurrences, "replace")


def _means(figure: sa.Column[Any], fell_at: sa.Column[Any]) -> sa.Select[Any]:
    return (
        sa.select(
            occurrences.c.playbook,
            occurrences.c.severity,
            sa.func.sum(figure - occurrences.c.opened_at),
            sa.func.count(),
        )
        .where(
            occurrences.c.counted == 1,
            figure.is_not(None),
            fell_at >= sa.bindparam("since", type_=fell_at.type),
        )
        .group_by(occurrences.c.playbook, occurrences.c.severity)
        .order_by(occurrences.c.playbook, occurrences.c.severity)
    )


MEANS: Mapping[str, sa.Select[Any]] = {
    "acknowledge": _means(occurrences.c.acknowledged_at, occurrences.c.acknowledged_at),
    "resolve": _means(occurrences.c.ended_at, occurrences.c.resolved_at),
}
