"""SQL statements that find the pages which a provider's callback is about."""

import sqlalchemy as sa

from tocsin.core.incident.outbox import Job
from tocsin.store.sql.dialect import Insert
from tocsin.store.sql.statements import LIMIT, is_given
from tocsin.store.sql.tables import IS_OPEN, inbound, incidents, literal, outbox, page_links

PAGES_TO = (
    sa.select(*outbox.c)
    .where(
        outbox.c.incident_id.in_(sa.select(incidents.c.id).where(IS_OPEN)),
        is_given(outbox.c.destination),
        outbox.c.job == literal(Job.PAGE.value),
    )
    .order_by(outbox.c.order_no.desc())
    .limit(LIMIT)
)

LINKED_PAGES = (
    sa.select(page_links.c.page_key)
    .where(is_given(page_links.c.provider), is_given(page_links.c.ref))
    .order_by(page_links.c.page_key)
)

LINK_PAGES = Insert(page_links, "keep")

PUT_INBOUND = Insert(inbound, "keep")
