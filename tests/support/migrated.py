"""Databases with the newest schema, made quickly: most tests begin with a new one.

A new database is a copy of one that was migrated: of its file on SQLite, of a template database on
PostgreSQL. Migrating itself has tests of its own.
"""

import contextlib
import functools
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from party_node.database import Database
from party_node.migrations import migrate
from tests.support.postgres import database_url, fresh_database

_TEMPLATE = "migrated_node"


def open_migrated(url: str) -> Database:
    """Open a database and bring its schema to the newest version."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        Path(str(parsed.database)).write_bytes(_migrated())
        return Database(url)
    database = Database(url)
    migrate(database)
    return database


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.db"
        database = Database(f"sqlite:///{path}")
        migrate(database)
        database.scrub()
        database.close()
        return path.read_bytes()


@contextlib.contextmanager
def node_database(cluster_url: str) -> Iterator[str]:
    """Create a node's database with the newest schema on PostgreSQL, and yield its URL."""
    template = _template(cluster_url)
    with fresh_database(cluster_url, f"node_{uuid.uuid4().hex}", template) as url:
        yield url


@functools.cache
def _template(cluster_url: str) -> str:
    """Make the database that the others are copies of; it stays as long as the cluster."""
    with psycopg.connect(cluster_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {_TEMPLATE}")
    database = Database(database_url(cluster_url, _TEMPLATE))
    migrate(database)
    database.close()
    return _TEMPLATE
