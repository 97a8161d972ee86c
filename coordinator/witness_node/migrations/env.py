"""Alembic's entry: runs on the connection that `Schema.upgrade` hands over."""

from alembic import context

from coordinator.witness_node.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
