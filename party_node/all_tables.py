"""Every table of a node, for who must leave none out."""

from sqlalchemy import Table

# Importing a module of tables makes them known; nothing else of it is used here.
from party_node import budget_tables, job_tables, tables, witness_tables
from party_node.contact import tables as contact_tables
from party_node.erasure import hold_tables
from party_node.requests import tables as request_tables
from party_node.roles import tables as role_tables
from party_node.statistics import tables as statistics_tables
from party_node.tables import NodeTable
from party_node.webhooks import tables as webhook_tables

MODULES = (
    tables, job_tables, witness_tables, contact_tables, hold_tables, request_tables, role_tables,
    webhook_tables, statistics_tables, budget_tables,
)  # fmt: skip


def all_tables() -> list[Table]:
    """Return them by name."""
    return [NodeTable.metadata.tables[name] for name in sorted(NodeTable.metadata.tables)]
