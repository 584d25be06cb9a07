"""The statements about the outbox: what waits to be sent, in which order, and what became of it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tocsin.core.outbox import Job
from tocsin.core.playbook import Until
from tocsin.store.dialect import Insert, value
from tocsin.store.lanes import PAGES_AT_ONCE
from tocsin.store.statements import LIMIT, NOW, is_given, rows_given
from tocsin.store.tables import IS_LEASED, IS_PENDING, IS_WAITING_PAGE, attempts, literal, outbox

_other = outbox.alias("other")

_OTHER_IS_PENDING = _other.c.state == IS_PENDING.right


def _is_readable(row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether this version knows what a row says: all else in it is plain text and numbers."""
    return sa.and_(
        row.c.job.in_([literal(job.value) for job in Job]), row.c.until.in_([literal(until.value) for until in Until])
    )


_IS_READABLE = _is_readable(outbox)


def _goes_before(row: sa.FromClause, *when: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether another row, of which ``when`` holds, has to go out before this one: it stands earlier in its lane."""
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
def already_said(many: int) -> sa.Select[Any]:
    """Of some level-triggered rows, the keys of those that are there, or need not be: a free one says the same."""
    wanted = rows_given(many, *(outbox.c[name] for name in ("key", "incident_id", "channel", "destination", "job")))
    is_there = sa.exists().where(_other.c.key == wanted.c.key)
    is_said = sa.exists().where(
        _other.c.incident_id == wanted.c.incident_id,
        _other.c.channel == wanted.c.channel,
        _other.c.destination == wanted.c.destination,
        _other.c.job == wanted.c.job,
        _OTHER_IS_PENDING,
        sa.or_(_other.c.lease_until.is_(None), _other.c.lease_until <= NOW),
    )
    return sa.select(wanted.c.key).where(sa.or_(is_there, is_said))


ENQUEUE = Insert(outbox, "keep")

OUTBOX_OF = sa.select(*outbox.c).where(is_given(outbox.c.incident_id)).order_by(outbox.c.order_no)

OUTBOX_OF_OCCURRENCE = OUTBOX_OF.where(is_given(outbox.c.occurrence))

OUTBOX_ROW = sa.select(*outbox.c).where(is_given(outbox.c.key))

_OUTLASTS = outbox.c.lease_until > outbox.c.not_before

NEXT_FREE_AT = (
    sa.select(outbox.c.not_before)
    .where(IS_PENDING, sa.or_(outbox.c.lease_until.is_(None), ~_OUTLASTS), _IS_READABLE, ~_IS_BLOCKED)
    .order_by(outbox.c.not_before)
    .limit(1)
)

NEXT_LEASE_ENDS_AT = (
    sa.select(outbox.c.lease_until)
    .where(IS_LEASED, _OUTLASTS, _IS_READABLE, ~_IS_BLOCKED)
    .order_by(outbox.c.lease_until)
    .limit(1)
)

END_LEASES = sa.update(outbox).values(lease_until=NOW).where(IS_LEASED, outbox.c.lease_until > NOW)
"""They stay leases, though ended: a row that has one may have been delivered."""

_NOBODY_ELSE_TOLD = sa.and_(IS_WAITING_PAGE, outbox.c.fell_back == 0, _IS_READABLE)

OVERDUE_PAGES = (
    sa.select(*outbox.c)
    .where(_NOBODY_ELSE_TOLD, outbox.c.overdue_at <= NOW)
    .order_by(outbox.c.overdue_at, outbox.c.order_no)
    .limit(100)
)

NEXT_OVERDUE_AT = sa.select(outbox.c.overdue_at).where(_NOBODY_ELSE_TOLD).order_by(outbox.c.overdue_at).limit(1)

OUTBOX_DEPTH = (
    sa.select(outbox.c.channel, sa.func.count(), sa.func.min(outbox.c.created_at))
    .where(IS_PENDING)
    .group_by(outbox.c.channel)
)


_page = outbox.alias("page")


@cache
def claimable(excluded: int) -> sa.Select[Any]:
    """Pending rows that may be sent now, but for those of ``excluded`` channels."""
    return _claimable(excluded)


@cache
def claimable_for_pages(excluded: int) -> sa.Select[Any]:
    """Those of them that are in the lane of a page that may be sent: it, or what has to go before it."""
    pages = (
        sa.select(*_lane_of(_page))
        .where(
            _page.c.state == IS_PENDING.right,
            _page.c.job == literal(Job.PAGE.value),
            _page.c.not_before <= NOW,
            sa.or_(_page.c.lease_until.is_(None), _page.c.lease_until <= NOW),
            ~_goes_before(_page, sa.or_(_other.c.not_before > NOW, _other.c.lease_until > NOW)),
            *_not_through(_page.c.channel, excluded),
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
            *_not_through(outbox.c.channel, excluded),
        )
        .order_by(outbox.c.not_before, outbox.c.order_no)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, of=outbox)
    )


def _not_through(channel: sa.ColumnElement[str], excluded: int) -> Sequence[sa.ColumnElement[bool]]:
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
