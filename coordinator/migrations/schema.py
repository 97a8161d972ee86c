"""Which schema versions there are, and how to get to the newest."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration, without any file outside the package."""
    made = Config()
    made.set_main_option("script_location", "coordinator:migrations")
    made.attributes["connection"] = connection
    return made


def _versions() -> tuple[str, ...]:
    script = ScriptDirectory.from_config(config())
    return tuple(revision.revision for revision in script.walk_revisions())


KNOWN = _versions()
"""Newest first."""
HEAD = KNOWN[0]


def current(connection: Connection) -> str | None:
    """Return the version that a database is at, or None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> str:
    """Run what is missing, inside the connection's transaction; return the version reached."""
    command.upgrade(config(connection), "head")
    return HEAD
