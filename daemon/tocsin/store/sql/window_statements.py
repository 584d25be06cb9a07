"""SQL statements about manual maintenance windows and the preview of a window."""

import sqlalchemy as sa

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.store.sql.dialect import Insert
from tocsin.store.sql.statements import LIMIT
from tocsin.store.sql.tables import alerts, literal, windows

ENDING_AFTER = (
    sa.select(*windows.c)
    .where(windows.c.ends_at > sa.bindparam("over_after", type_=windows.c.ends_at.type))
    .order_by(windows.c.starts_at, windows.c.id)
)

BY_ID = sa.select(*windows.c).where(windows.c.id == sa.bindparam("id", type_=windows.c.id.type))

PUT = Insert(windows, "replace")

FORGET = sa.delete(windows).where(windows.c.ends_at < sa.bindparam("before", type_=windows.c.ends_at.type))

EPISODES_BEGUN = (
    sa.select(*alerts.c)
    .where(
        sa.or_(
            alerts.c.first_seen_at >= sa.bindparam("since", type_=alerts.c.first_seen_at.type),
            alerts.c.status == literal(EpisodeStatus.FIRING.value),
        )
    )
    .order_by(alerts.c.first_seen_at.desc(), alerts.c.source, alerts.c.fingerprint, alerts.c.episode)
    .limit(LIMIT)
)
"""Used by people only, and rarely: an index would add to the cost of every alert."""
