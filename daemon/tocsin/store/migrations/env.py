"""What Alembic runs: the revisions, on the connection that it was given, in the transaction that it is in."""

from alembic import context

from tocsin.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA)

with context.begin_transaction():
    context.run_migrations()
