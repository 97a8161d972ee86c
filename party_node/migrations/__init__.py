"""The schema of the node's database and the steps that lead to it.

`migrate(database)` brings any schema that this version knows to the newest, in one transaction,
and refuses every other. The steps lie in `versions/`, inside the package, so an installed wheel
has them too.
"""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from party_node.database import Database
from party_node.errors import SchemaUnknown


def migrate(database: Database) -> None:
    """Bring the schema to the newest version.

    Raises: SchemaUnknown if a version that this software does not have made the database.
    """
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.connection() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
        if not found <= known:
            raise SchemaUnknown(f"schema version {', '.join(sorted(found - known))}")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_newest(database: Database) -> None:
    """Return if the schema is the newest one; nothing is changed.

    Raises: SchemaUnknown if it is another one, or there is none.
    """
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with database.reading() as session:
        found = MigrationContext.configure(session.connection()).get_current_heads()
    if found != (newest,):
        raise SchemaUnknown(
            f"its schema version is {', '.join(sorted(found)) or 'none'}, not {newest}",
            hint="serve the node once with this version of the software, then repeat it",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "party_node:migrations")
    config.set_main_option("path_separator", "os")
    return config
