"""The statements about what a source has told."""

import sqlalchemy as sa

from tocsin.core.alert import EpisodeStatus
from tocsin.store.tables import IS_DUE_SOME_DAY, IS_OPEN, IS_OVER, alerts, incidents, literal

_ENDED_SINCE = sa.bindparam("ended_since", type_=incidents.c.resolved_at.type)

# Each part has an index of its own; so have an incident's episodes, while a source may have millions.
_CONCERNED = sa.union(
    sa.select(incidents.c.id).where(IS_OPEN),
    sa.select(incidents.c.id).where(IS_DUE_SOME_DAY),
    sa.select(incidents.c.id).where(IS_OVER, incidents.c.resolved_at >= _ENDED_SINCE),
)

# When one ended is in its body: the reader leaves out those that ended earlier.
EPISODES_AT = (
    sa.select(*alerts.c)
    .where(
        alerts.c.incident_id.in_(_CONCERNED),
        alerts.c.source == sa.bindparam("source", type_=alerts.c.source.type),
        alerts.c.status.in_([literal(status.value) for status in (EpisodeStatus.FIRING, EpisodeStatus.RESOLVED)]),
    )
    .order_by(alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
)
