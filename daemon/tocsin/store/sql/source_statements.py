"""SQL statements about the alerts of one source."""

import sqlalchemy as sa

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.store.sql.tables import IS_DUE_SOME_DAY, IS_OPEN, IS_OVER, alerts, incidents, literal

_ENDED_SINCE = sa.bindparam("ended_since", type_=incidents.c.resolved_at.type)

# Each part of the union has an index, and so have the episodes of an incident. A source may have millions of episodes.
_RECENT_INCIDENTS = sa.union(
    sa.select(incidents.c.id).where(IS_OPEN),
    sa.select(incidents.c.id).where(IS_DUE_SOME_DAY),
    sa.select(incidents.c.id).where(IS_OVER, incidents.c.resolved_at >= _ENDED_SINCE),
)

# The end of an episode is in its body, so the reader filters out those that ended earlier.
EPISODES_AT = (
    sa.select(*alerts.c)
    .where(
        alerts.c.incident_id.in_(_RECENT_INCIDENTS),
        alerts.c.source == sa.bindparam("source", type_=alerts.c.source.type),
        alerts.c.status.in_([literal(status.value) for status in (EpisodeStatus.FIRING, EpisodeStatus.RESOLVED)]),
    )
    .order_by(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
)
