"""Which schema versions there are, and how to get to the newest."""

import functools
from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


@dataclass(frozen=True)
class Schema:
    """The history of one kind of database: alembic scripts inside a package."""

    scripts: str
    """Where they lie, as `package:folder`."""
    make: str
    """Command that makes such a database."""
    bring_up: str
    """Command that brings one up to date."""

    def config(self, connection: Connection | None = None) -> Config:
        """Return alembic's configuration, without any file outside the package."""
        made = Config()
        made.set_main_option("script_location", self.scripts)
        made.attributes["connection"] = connection
        return made

    @functools.cached_property
    def known(self) -> tuple[str, ...]:
        """Every version that this program knows, newest first."""
        script = ScriptDirectory.from_config(self.config())
        return tuple(revision.revision for revision in script.walk_revisions())

    @property
    def head(self) -> str:
        """The newest version."""
        return self.known[0]

    def upgrade(self, connection: Connection) -> str:
        """Run what is missing, inside the connection's transaction; return the version reached."""
        command.upgrade(self.config(connection), "head")
        return self.head


def current(connection: Connection) -> str | None:
    """Return the version that a database is at, or None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


COORDINATOR = Schema(
    "coordinator:migrations", "accord-coordinator init", "accord-coordinator migrate"
)
HEAD = COORDINATOR.head
config = COORDINATOR.config
