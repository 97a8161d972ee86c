"""The node's database: SQLite in the home folder, or PostgreSQL; one writer at a time in both.

`writing()` takes the write lock before it reads (SQLite `BEGIN IMMEDIATE`, PostgreSQL an advisory
lock for the length of the transaction), so what it reads cannot change before it commits.
`reading()` is one consistent snapshot. SQLite runs with a write-ahead log and `synchronous=FULL`:
what is committed survives a power cut.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlmodel import Session, SQLModel

from party_node.errors import DatabaseUnreachable, DiskFull, InvalidSettings, NodeError
from party_node.stamps import StampingSession

T = TypeVar("T")
Work = Callable[[Session], None]
"""Changes rows in a transaction that somebody else begins and ends."""
Within = Callable[[Work], None]
"""Does some work in a transaction, beside what else belongs there."""

_BATCH = 5_000
_WRITE_LOCK = 0x4163636F7264
"""Number of the advisory lock on PostgreSQL: "Accord" in ASCII."""
_BUSY_MS = 30_000
_SCRUB_MS = 2_000
"""Emptying the write-ahead log keeps writers out while it waits for readers: it waits no longer."""
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "53100")
"""A full disk, as SQLite's errors and PostgreSQL's states are called."""
_BUSY = ("SQLITE_BUSY", "55P03")
"""The write lock was not to be had."""
_OLDER_SNAPSHOTS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
"""
_ERASABLE = (
    "ledger_entries", "ledger_payloads", "subject_keys", "subjects", "identifiers",
    "source_events", "ledger_facts", "use_decisions", "subject_requests", "held_payloads",
    "hold_halves", "contacts", "audiences", "webhook_events", "webhook_deliveries",
)  # fmt: skip
"""Tables that an erasure takes rows from."""
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-16384",
)


class Database:
    """Sessions on one database URL (`sqlite:///…` or `postgresql+psycopg://…`)."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self.info: dict[str, Any] = {}
        """What every session is told: the key of the stamps (`stamps.py`)."""
        self._writer = self._engine.execution_options(accord_writing=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction that nobody else writes beside; it commits at the end, or not at all.

        Raises: DiskFull, DatabaseUnreachable.
        """
        with (
            _translated(),
            StampingSession(self._writer, expire_on_commit=False, info=self.info) as session,
            session.begin(),
        ):
            session.connection()  # takes the lock now, not at the first statement
            yield session

    def work(self, work: "Work") -> None:
        """Do some work in a transaction of its own (`writing`)."""
        with self.writing() as session:
            work(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent snapshot to read from.

        Raises: DatabaseUnreachable.
        """
        with (
            _translated(),
            StampingSession(self._engine, expire_on_commit=False, info=self.info) as session,
        ):
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One writing transaction without a session, for migrations."""
        with _translated(), self._writer.begin() as connection:
            yield connection

    def scrub(self) -> bool:
        """See to it that deleted bytes are gone: SQLite's write-ahead log is folded in and emptied.

        Returns False if somebody went on reading what was there before: then they are not gone yet.
        On PostgreSQL dead rows are vacuumed; its own log and backups have terms of their own.
        Raises: DiskFull, DatabaseUnreachable.
        """
        with _translated(), self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            with _wrapped(connection.dialect):
                if self.dialect == "sqlite":
                    return _emptied(raw)
                return _vacuumed(raw)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def insert_many(
    session: Session, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of plain values as fast as the driver can: executemany, or COPY on PostgreSQL.

    Skips SQLAlchemy's work for each value, which costs more than the insert itself.
    """
    if not rows:
        return
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(str(table.__tablename__))} ({', '.join(map(quote, columns))})"
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({places})", list(rows))  # noqa: S608
        return
    raw: Any = connection.connection
    with (
        _wrapped(connection.dialect),
        raw.cursor() as cursor,
        cursor.copy(f"COPY {into} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def put_row(session: Session, table: type[SQLModel], key: str, values: dict[str, Any]) -> None:
    """Write the one row that has this key, in place of the one that had it; see `insert_many`."""
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = list(map(quote, values))
    others = ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in values if n != key)
    connection.exec_driver_sql(
        f"INSERT INTO {quote(str(table.__tablename__))} ({', '.join(names)}) "  # noqa: S608
        f"VALUES ({', '.join([mark] * len(names))}) "
        f"ON CONFLICT ({quote(key)}) DO UPDATE SET {others}",
        tuple(values.values()),
    )


def select_among(
    session: Session,
    table: type[SQLModel],
    columns: Sequence[str],
    key: str,
    values: Sequence[Any],
    **equal: str,
) -> Iterator[Any]:
    """Return these columns of the rows whose `key` is one of `values` (plain, none twice).

    With `equal`, other columns must have these values. Like `insert_many`, it skips SQLAlchemy's
    work for each value: a list of thousands costs more to compile than to look up.
    """
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    sqlite = connection.dialect.name == "sqlite"
    mark = "?" if sqlite else "%s"
    where = "".join(f"{quote(name)} = {mark} AND " for name in equal)
    # Only names of our own tables and columns stand in the text.
    query = (
        f"SELECT {', '.join(map(quote, columns))} FROM {quote(str(table.__tablename__))} "  # noqa: S608
        f"WHERE {where}{quote(key)}"
    )
    kind = table.__table__.c[key].type.compile(connection.dialect)  # type: ignore[attr-defined]
    if values and isinstance(values[0], str):
        kind = "text"  # VARCHAR(n) would cut a longer value to one that may be there
    for part in in_batches(values):
        if sqlite:
            places = ", ".join("?" * len(part))
            found = connection.exec_driver_sql(f"{query} IN ({places})", (*equal.values(), *part))
        else:
            # Each value by itself, by the index: a planner without statistics, as in a table that
            # has just begun to grow, reads the whole table for a list.
            each = f"CROSS JOIN LATERAL ({query} = wanted.value OFFSET 0) AS found"
            found = connection.exec_driver_sql(
                f"SELECT found.* FROM unnest(%s::{kind}[]) AS wanted (value) {each}",  # noqa: S608
                (list(part), *equal.values()),
            )
        assert found.cursor is not None
        with _wrapped(connection.dialect):  # a damaged page is found here, and not before
            rows = found.cursor.fetchall()  # plain tuples, as the driver makes them
        yield from rows


def in_batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a list into pieces that fit into one IN list of either database."""
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidSettings("the database URL is not a URL") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend == "postgresql":
        try:
            engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        except (ImportError, NoSuchModuleError):
            raise InvalidSettings(
                "the PostgreSQL driver is not installed", hint="pip install 'accord[postgres]'"
            ) from None
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    raise InvalidSettings(f"{backend} databases are not supported; use SQLite or PostgreSQL")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` alone
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _emptied(connection: Any) -> bool:
    """Fold SQLite's write-ahead log in and empty it, unless somebody reads it for too long."""
    connection.execute(f"PRAGMA busy_timeout={_SCRUB_MS}")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return not busy


def _vacuumed(connection: Any) -> bool:
    """Remove PostgreSQL's dead rows, unless somebody may still see some of them."""
    connection.rollback()
    connection.autocommit = True
    try:
        connection.execute(f"VACUUM {', '.join(_ERASABLE)}")
        (older,) = connection.execute(_OLDER_SNAPSHOTS).fetchone()
    finally:
        connection.autocommit = False
    return not older


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("accord_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("accord_writing", False):
        # In a subquery, so that patience is set before the lock is waited for.
        patience = "(SELECT set_config('lock_timeout', :patience, true)) AS patience"
        connection.execute(
            text(f"SELECT pg_advisory_xact_lock(:lock) FROM {patience}"),  # noqa: S608
            {"lock": _WRITE_LOCK, "patience": f"{_BUSY_MS}ms"},
        )
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


@contextmanager
def _wrapped(dialect: Dialect) -> Iterator[None]:
    """Raise what the driver raises, asked without SQLAlchemy, as SQLAlchemy would raise it."""
    of_driver = dialect.loaded_dbapi.Error
    try:
        yield
    except of_driver as e:
        raise cast(DBAPIError, DBAPIError.instance("", (), e, of_driver, dialect=dialect)) from e


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's words for a full disk and a lost database into ours."""
    try:
        yield
    except DBAPIError as e:
        raise _named(e) from e


def _named(error: DBAPIError) -> NodeError | DBAPIError:
    cause = str(error.orig).lower()
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    if "disk is full" in cause or code in _FULL:
        return DiskFull()
    if code in _BUSY:
        return DatabaseUnreachable(
            f"another process has been writing to it for {_BUSY_MS / 1000:g} seconds",
            hint="find out which process it is; it may stand still inside of a transaction",
        )
    if isinstance(error, OperationalError):
        # The driver's words may hold values of a statement; its first line never does.
        return DatabaseUnreachable(cause.splitlines()[0] if cause else "")
    return error
