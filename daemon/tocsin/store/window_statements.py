"""The statements about maintenance windows that were made by hand, and about what one would hide."""

import sqlalchemy as sa

from tocsin.core.alert import EpisodeStatus
from tocsin.store.dialect import Insert
from tocsin.store.statements import LIMIT
from tocsin.store.tables import alerts, literal, windows

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
"""People ask for it now and then; an index would cost every alert for that."""
