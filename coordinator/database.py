"""The database: SQLite in a file, or PostgreSQL, behind one rule: many readers, one writer.

A writing transaction is exclusive from its first statement (`BEGIN IMMEDIATE` in SQLite, an
advisory lock in PostgreSQL), so what it reads stays true until it commits. The rules of jobs,
mailboxes and the witness count on that. Revisions become visible in order for the same reason.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlmodel import Session

from coordinator.errors import BadSetting, NotInitialised, NotReady, UnknownSchema
from coordinator.migrations import schema
from coordinator.migrations.schema import COORDINATOR, Schema

T = TypeVar("T")

_WRITER_LOCK = 0x4143434F5244  # "ACCORD": one number for all coordinator processes on a database
_WRITING = "accord_writing"


class Database:
    """An engine with reading and writing sessions."""

    def __init__(self, url: str, schema: Schema = COORDINATOR) -> None:
        """Prepare the engine; nothing is connected yet.

        Raises: BadSetting if the URL is not one of SQLite or PostgreSQL.
        """
        self._schema = schema
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # Threads of one process queue here, fairly; SQLite's own lock only knows polling.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees one moment and writes nothing."""
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection:
            with Session(connection, autoflush=False) as session:
                yield session
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that holds the writer's turn; commits at the end, or rolls back."""
        with (
            self._exclusive() as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.flush()

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a reading session."""
        with self.reading() as session:
            return work(session)

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a writing session; what it returns is committed."""
        with self.writing() as session:
            return work(session)

    def migrate(self) -> str:
        """Bring the schema to this program's version, and return that.

        Raises: UnknownSchema for a version that this program does not know; NotReady.
        """
        with _reachable(), self._exclusive() as connection:
            self._refuse_unknown(schema.current(connection))
            return self._schema.upgrade(connection)

    def check_schema(self) -> str:
        """Return the schema version if it is this program's.

        Raises: NotInitialised, UnknownSchema, NotReady.
        """
        with _reachable(), self.engine.connect() as connection:
            found = schema.current(connection)
        if found is None:
            raise NotInitialised("the database was not initialised", f"run: {self._schema.make}")
        self._refuse_unknown(found)
        if found != self._schema.head:
            raise UnknownSchema(
                f"the database has schema version {found}, this program needs {self._schema.head}",
                f"run: {self._schema.bring_up}",
            )
        return found

    def erase_traces(self) -> None:
        """Move what SQLite's write-ahead log holds into the database file and empty the log.

        Erased bodies are overwritten in the file (`secure_delete`), but the log keeps old pages
        until it is emptied. PostgreSQL does this in its own time (vacuum, checkpoints).
        """
        if self.is_sqlite:
            with self._turn, self.engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _refuse_unknown(self, found: str | None) -> None:
        if found is not None and found not in self._schema.known:
            raise UnknownSchema(
                f"the database has schema version {found}, which this program does not know",
                "run a newer release of Accord on it",
            )

    @contextmanager
    def _exclusive(self) -> Iterator[Connection]:
        writing = self.engine.connect().execution_options(**{_WRITING: True})
        with self._turn, writing as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _WRITER_LOCK})
            yield connection


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as e:
        raise BadSetting("setting database_url: not a database URL") from e
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadSetting("setting database_url: only sqlite:/// and postgresql:// are known")
    if parsed.drivername == "sqlite" and not parsed.database:
        raise BadSetting("setting database_url: SQLite needs a file, memory is not shared")
    try:
        engine = create_engine(
            parsed, hide_parameters=True, pool_size=8, max_overflow=48, pool_pre_ping=True
        )
    except (NoSuchModuleError, ImportError) as e:
        raise BadSetting(
            "setting database_url: the PostgreSQL driver is missing",
            "install it with: pip install 'accord[postgres]'",
        ) from e
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions by its own rules
    for pragma in (
        "page_size=16384",  # fewer, larger pages: bodies are megabytes; counts for a new file only
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "synchronous=FULL",  # a reply says that it is on disk
        "secure_delete=ON",  # what is erased is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, DBAPIError) as e:
        raise NotReady(
            "the database cannot be reached", "check the database_url setting and the server"
        ) from e
