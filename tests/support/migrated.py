"""Databases with the newest schema, made quickly: most tests begin with a new one.

On SQLite a new database is a copy of one that was migrated, byte for byte what migrating makes;
migrating itself has tests of its own.
"""

import functools
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from party_node.database import Database
from party_node.migrations import migrate


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
