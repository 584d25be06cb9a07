"""SQL statements that delete expired rows."""

from functools import cache

import sqlalchemy as sa

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.store.sql.statements import LIMIT
from tocsin.store.sql.tables import (
    IS_LOOSE,
    IS_OVER,
    alerts,
    attempts,
    entries,
    inbound,
    incidents,
    literal,
    message_refs,
    outbox,
    page_links,
    rulesets,
)

BEFORE = sa.bindparam("before", type_=inbound.c.seen_at.type)

INBOUND = sa.delete(inbound).where(inbound.c.seen_at < BEFORE)

OLD_INCIDENTS = (
    sa.select(incidents.c.id)
    .where(IS_OVER, incidents.c.resolved_at < BEFORE)
    .order_by(incidents.c.resolved_at, incidents.c.number)
    .limit(LIMIT)
)


@cache
def these_incidents(many: int) -> tuple[sa.Delete, ...]:
    """Return the statements that delete ``many`` incidents by id with all their rows, in order of execution."""
    ids = [sa.bindparam(f"id_{number}", type_=incidents.c.id.type) for number in range(many)]
    keys = sa.select(outbox.c.key).where(outbox.c.incident_id.in_(ids))
    return (
        sa.delete(attempts).where(attempts.c.key.in_(keys)),
        sa.delete(page_links).where(page_links.c.page_key.in_(keys)),
        sa.delete(outbox).where(outbox.c.incident_id.in_(ids)),
        sa.delete(entries).where(entries.c.incident_id.in_(ids)),
        sa.delete(message_refs).where(message_refs.c.incident_id.in_(ids)),
        sa.delete(alerts).where(alerts.c.incident_id.in_(ids), alerts.c.status != literal(EpisodeStatus.FIRING.value)),
        sa.delete(incidents).where(incidents.c.id.in_(ids)),
    )


_EPISODE_KEY = tuple(alerts.primary_key)

LOOSE_EPISODES = sa.delete(alerts).where(
    sa.tuple_(*_EPISODE_KEY).in_(
        sa.select(*_EPISODE_KEY)
        .where(IS_LOOSE, alerts.c.last_seen_at < BEFORE)
        .order_by(alerts.c.last_seen_at, *_EPISODE_KEY)
        .limit(LIMIT)
    )
)

RULES = sa.delete(rulesets).where(rulesets.c.used_at < BEFORE, ~sa.exists().where(alerts.c.rules_sha == rulesets.c.sha))
"""Deletes unused rule sets; only for the few that are old enough, all alerts are searched."""
