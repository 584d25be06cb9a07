"""SQL statements about the outbox: pending rows, their order, and delivery attempts."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.playbook import Until
from tocsin.store.sql.dialect import Insert, value
from tocsin.store.sql.lanes import PAGES_AT_ONCE
from tocsin.store.sql.statements import LIMIT, NOW, is_given, rows_given
from tocsin.store.sql.tables import IS_LEASED, IS_PENDING, IS_WAITING_PAGE, attempts, literal, outbox

_other = outbox.alias("other")

_OTHER_IS_PENDING = _other.c.state == IS_PENDING.right


def _is_readable(row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that this version can decode a row: only ``job`` and ``until`` may have unknown values."""
    return sa.and_(
        row.c.job.in_([literal(job.value) for job in Job]), row.c.until.in_([literal(until.value) for until in Until])
    )


_IS_READABLE = _is_readable(outbox)


def _goes_before(row: sa.FromClause, *when: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that the lane of ``row`` has an earlier pending row, which meets ``when``."""
    return sa.exists().where(
        _other.c.incident_id == row.c.incident_id,
        _other.c.channel == row.c.channel,
        _other.c.destination == row.c.destination,
        _other.c.order_no < row.c.order_no,
        _OTHER_IS_PENDING,
        _is_readable(_other),
        *when,
    )


_IS_BLOCKED = _goes_before(outbox)


@cache
def redundant_rows(many: int) -> sa.Select[Any]:
    """Return the statement that finds those of ``many`` level-triggered rows that need not be written.

    Such a row exists already, or an unclaimed row has the same message.
    """
    requested = rows_given(many, *(outbox.c[name] for name in ("key", "incident_id", "channel", "destination", "job")))
    is_stored = sa.exists().where(_other.c.key == requested.c.key)
    is_covered = sa.exists().where(
        _other.c.incident_id == requested.c.incident_id,
        _other.c.channel == requested.c.channel,
        _other.c.destination == requested.c.destination,
        _other.c.job == requested.c.job,
        _OTHER_IS_PENDING,
        sa.or_(_other.c.lease_until.is_(None), _other.c.lease_until <= NOW),
    )
    return sa.select(requested.c.key).where(sa.or_(is_stored, is_covered))


ENQUEUE = Insert(outbox, "keep")

OUTBOX_OF = sa.select(*outbox.c).where(is_given(outbox.c.incident_id)).order_by(outbox.c.order_no)

OUTBOX_OF_OCCURRENCE = OUTBOX_OF.where(is_given(outbox.c.occurrence))

TARGETS_OF_STEP = (
    sa.select(outbox.c.target)
    .where(
        *(is_given(column) for column in (outbox.c.incident_id, outbox.c.occurrence, outbox.c.job)),
        *(is_given(column) for column in (outbox.c.round, outbox.c.step)),
        ~outbox.c.stranded,
    )
    .order_by(outbox.c.order_no)
)

OUTBOX_ROW = sa.select(*outbox.c).where(is_given(outbox.c.key))

_LEASE_ENDS_LATER = outbox.c.lease_until > outbox.c.not_before

NEXT_FREE_AT = (
    sa.select(outbox.c.not_before)
    .where(IS_PENDING, sa.or_(outbox.c.lease_until.is_(None), ~_LEASE_ENDS_LATER), _IS_READABLE, ~_IS_BLOCKED)
    .order_by(outbox.c.not_before)
    .limit(1)
)

NEXT_LEASE_ENDS_AT = (
    sa.select(outbox.c.lease_until)
    .where(IS_LEASED, _LEASE_ENDS_LATER, _IS_READABLE, ~_IS_BLOCKED)
    .order_by(outbox.c.lease_until)
    .limit(1)
)

END_LEASES = sa.update(outbox).values(lease_until=NOW).where(IS_LEASED, outbox.c.lease_until > NOW)
"""The leases expire and are not removed, because a row with an expired lease may have been delivered."""

_HAS_NO_FALLBACK = sa.and_(IS_WAITING_PAGE, outbox.c.fell_back == 0, _IS_READABLE)

OVERDUE_PAGES = (
    sa.select(*outbox.c)
    .where(_HAS_NO_FALLBACK, outbox.c.overdue_at <= NOW)
    .order_by(outbox.c.overdue_at, outbox.c.order_no)
    .limit(100)
)

NEXT_OVERDUE_AT = sa.select(outbox.c.overdue_at).where(_HAS_NO_FALLBACK).order_by(outbox.c.overdue_at).limit(1)

OUTBOX_DEPTH = (
    sa.select(outbox.c.channel, sa.func.count(), sa.func.min(outbox.c.created_at))
    .where(IS_PENDING)
    .group_by(outbox.c.channel)
)


_page = outbox.alias("page")


@cache
def claimable(excluded: int) -> sa.Select[Any]:
    """Return the statement for the pending rows that may be sent now, without ``excluded`` channels (a number)."""
    return _claimable(excluded)


@cache
def claimable_for_pages(excluded: int) -> sa.Select[Any]:
    """Return the statement for the claimable rows in the lanes of pages: the pages, and the rows before them."""
    pages = (
        sa.select(*_lane_of(_page))
        .where(
            _page.c.state == IS_PENDING.right,
            _page.c.job == literal(Job.PAGE.value),
            _page.c.not_before <= NOW,
            sa.or_(_page.c.lease_until.is_(None), _page.c.lease_until <= NOW),
            ~_goes_before(_page, sa.or_(_other.c.not_before > NOW, _other.c.lease_until > NOW)),
            *_not_in_channels(_page.c.channel, excluded),
        )
        .order_by(_page.c.overdue_at, _page.c.order_no)
        .limit(PAGES_AT_ONCE)
    )
    return _claimable(excluded).where(sa.tuple_(*_lane_of(outbox)).in_(pages))


def _lane_of(row: sa.FromClause) -> Sequence[sa.ColumnElement[str]]:
    return (row.c.incident_id, row.c.channel, row.c.destination)


def _claimable(excluded: int) -> sa.Select[Any]:
    return (
        sa.select(*outbox.c)
        .where(
            IS_PENDING,
            outbox.c.not_before <= NOW,
            sa.or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= NOW),
            ~_IS_BLOCKED,
            *_not_in_channels(outbox.c.channel, excluded),
        )
        .order_by(outbox.c.not_before, outbox.c.order_no)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, of=outbox)
    )


def _not_in_channels(channel: sa.ColumnElement[str], excluded: int) -> Sequence[sa.ColumnElement[bool]]:
    names = [sa.bindparam(f"not_{number}", type_=sa.Text) for number in range(excluded)]
    return [channel.not_in(names)] if names else []


REPLACE_ROW = (
    sa.update(outbox)
    .values({column.name: value(column) for column in outbox.c if column.name not in ("key", "order_no")})
    .where(outbox.c.key == value(outbox.c.key))
)

SETTLE = REPLACE_ROW.where(outbox.c.fence == sa.bindparam("held_fence", type_=outbox.c.fence.type), IS_PENDING)

ATTEMPTS_OF = sa.select(*attempts.c).where(is_given(attempts.c.key)).order_by(attempts.c.attempt)

PUT_ATTEMPT = Insert(attempts, "replace")
