"""The statements about answers from outside: which pages they are about."""

import sqlalchemy as sa

from tocsin.core.outbox import Job
from tocsin.store.dialect import Insert
from tocsin.store.statements import LIMIT, is_given
from tocsin.store.tables import IS_OPEN, inbound, incidents, literal, outbox, page_links

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

SEE = Insert(inbound, "keep")
