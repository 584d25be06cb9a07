"""The Alembic environment: it runs the revisions on the caller's connection, within the caller's transaction."""

from alembic import context

from tocsin.store.sql.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA)

with context.begin_transaction():
    context.run_migrations()
