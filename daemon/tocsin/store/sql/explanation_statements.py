"""SQL statements for explanations: the episodes of an alert, and the rules that evaluated them."""

from typing import Any

import sqlalchemy as sa

from tocsin.store.sql.dialect import Insert, value
from tocsin.store.sql.statements import LIMIT
from tocsin.store.sql.tables import alerts, rulesets


def _is(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return column == sa.bindparam(column.name, type_=column.type)


EPISODE = sa.select(*alerts.c).where(_is(alerts.c.source), _is(alerts.c.fingerprint), _is(alerts.c.episode))


def _every_source() -> sa.CTE:
    """Return the query of all sources: one step through the primary key for each source, as there are few."""
    first = sa.select(sa.func.min(alerts.c.source).label("source")).cte("sources", recursive=True)
    other = alerts.alias("other")
    following = sa.select(sa.func.min(other.c.source)).where(other.c.source > first.c.source).scalar_subquery()
    return first.union_all(sa.select(following).where(first.c.source.is_not(None)))


_SOURCES = _every_source()

EPISODES_OF_FINGERPRINT = (
    sa.select(*alerts.c)
    .join_from(_SOURCES, alerts, alerts.c.source == _SOURCES.c.source)
    .where(_is(alerts.c.fingerprint))
    .order_by(alerts.c.first_seen_at.desc(), alerts.c.source, alerts.c.episode.desc())
    .limit(LIMIT)
)

EPISODES_OF_ALERT = (
    sa.select(*alerts.c)
    .where(_is(alerts.c.source), _is(alerts.c.fingerprint))
    .order_by(alerts.c.first_seen_at.desc(), alerts.c.source, alerts.c.episode.desc())
    .limit(LIMIT)
)

RULES = sa.select(rulesets.c.body).where(_is(rulesets.c.sha))

RULES_USED_AT = sa.select(rulesets.c.used_at).where(_is(rulesets.c.sha))

SAVE_RULES = Insert(rulesets, "keep")

USE_RULES = sa.update(rulesets).values(used_at=value(rulesets.c.used_at)).where(rulesets.c.sha == value(rulesets.c.sha))
