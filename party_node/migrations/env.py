"""Alembic's entry: runs the steps on the connection that `migrate` hands over."""

import importlib.util

from alembic import context
from sqlmodel import SQLModel

from party_node.tables import NodeTable

if importlib.util.find_spec("party_node.job_tables") is not None:
    importlib.import_module("party_node.job_tables")
importlib.import_module("party_node.contact.tables")
importlib.import_module("party_node.erasure.hold_tables")
importlib.import_module("party_node.requests.tables")
importlib.import_module("party_node.roles.tables")
importlib.import_module("party_node.webhooks.tables")
importlib.import_module("party_node.witness_tables")

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=[NodeTable.metadata, SQLModel.metadata],
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
