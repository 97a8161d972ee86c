"""Stamps: a keyed digest on every row that decides something, so that a changed row is refused.

What the ledger says is bound by its tree. What lies beside it (roles, requests, budgets, …) is
bound by this: the column `stamp` holds HMAC-SHA-256, under a key of this node, over the table's
name and every other column. A table is stamped if it has that column; `Database` does the rest:

    write    each row is stamped before it is written
    read     each row is compared before anybody sees it; a wrong one raises RowChanged
    fsck     compares all rows and names the wrong ones (`ledger/fsck_rows.py`)

Who can write the database but has not the node's key can make no row. They can still delete one, or
put back what once stood there: that is found where an entry or a number says otherwise.
"""

import enum
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from sqlalchemy import Boolean, Column, Connection, Table, event, inspect, select, type_coerce
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.types import NullType
from sqlmodel import Session

from party_node.errors import RowChanged
from party_node.vault import Vault

STAMP = "stamp"
UNSTAMPED = {"info": {"unstamped": True}}
"""For a column that is changed all the time and decides nothing: the stamp leaves it out."""
_INFO = "accord.stamps"
_AS_IT_LIES = "accord.as-it-lies"


class _Rows(Protocol):
    info: dict[str, Any]


class Stamps:
    """Makes and compares the stamps of one node."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derive("row-stamp/1")

    def guard(self, database: _Rows) -> None:
        """Stamp and compare all rows that go through sessions of this database."""
        database.info[_INFO] = self

    def make(self, table: Table, values: Mapping[str, Any]) -> bytes:
        """Return the stamp of a row with these values."""
        made = hmac.new(self._key, table.name.encode(), "sha256")
        for column in sorted(_stamped(table), key=lambda column: column.name):
            kind, data = _encoded(values[column.name])
            made.update(f"\x00{column.name}/{kind}/{len(data)}/".encode())
            made.update(data)
        return made.digest()

    def fits(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Tell whether a row is as this node wrote it."""
        stamp = values[STAMP]
        return type(stamp) is bytes and hmac.compare_digest(stamp, self.make(table, values))

    def damaged(self, connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
        """Return the key of each row of a table that this node did not write so."""
        keys = [column.name for column in table.primary_key.columns]
        # As they lie there: a database may hold values that no such column ever holds.
        raw = select(*(_raw(column) for column in table.columns)).order_by(*table.primary_key)
        for row in connection.execute(raw):
            values = dict(row._mapping)  # noqa: SLF001 - its public name
            for column in table.columns:
                if isinstance(column.type, Boolean) and values[column.name] in (0, 1):
                    values[column.name] = bool(values[column.name])
            if not self.fits(table, values):
                yield tuple(values[key] for key in keys)


def is_stamped(table: Table) -> bool:
    """Tell whether the rows of a table have stamps."""
    return STAMP in table.columns


def as_it_lies(session: Session) -> None:
    """Let this session show changed rows too: for who looks for them."""
    session.info[_AS_IT_LIES] = True


def _stamped(table: Table) -> Iterator[Column[Any]]:
    return (c for c in table.columns if c.name != STAMP and not c.info.get("unstamped"))


def _raw(column: Column[Any]) -> Any:
    return type_coerce(column, NullType()).label(column.name)


def _encoded(value: Any) -> tuple[str, bytes]:
    """Return a value as bytes, with what kind it is: no two values are written alike."""
    if value is None:
        return "none", b""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, bool):
        return "bool", b"1" if value else b"0"
    if isinstance(value, int):
        return "int", str(int(value)).encode()
    if isinstance(value, str):
        return "text", value.encode(errors="surrogatepass")
    return "other", repr(value).encode()


# -- what sessions do ------------------------------------------------------------------------------


class StampingSession(Session):
    """A session that stamps what it writes and compares what it reads."""


def _stamps_of(session: Session) -> Stamps:
    found = session.info.get(_INFO)
    if not isinstance(found, Stamps):
        raise TypeError("the database has no key for its stamps: call `Stamps(vault).guard(db)`")
    return found


def _table_of(instance: object) -> Table | None:
    table = inspect(type(instance)).local_table
    return table if is_stamped(table) else None


def _values(table: Table, instance: object) -> dict[str, Any]:
    return {column.name: getattr(instance, column.name) for column in table.columns}


@event.listens_for(StampingSession, "before_flush")
def _stamp(session: Session, _context: object, _instances: object) -> None:
    for instance in (*session.new, *session.dirty):
        table = _table_of(instance)
        if table is not None:
            instance.stamp = _stamps_of(session).make(table, _values(table, instance))


@event.listens_for(StampingSession, "loaded_as_persistent")
def _compare(session: Session, instance: object) -> None:
    table = _table_of(instance)
    if table is None or session.info.get(_AS_IT_LIES):
        return
    if not _stamps_of(session).fits(table, _values(table, instance)):
        raise RowChanged(f"in the table {table.name}")


@event.listens_for(StampingSession, "do_orm_execute")
def _refuse_unstamped(state: ORMExecuteState) -> None:
    """Nobody changes stamped columns past the stamps: a mistake of the program, not of a user."""
    if not (state.is_update or state.is_insert) or state.bind_mapper is None:
        return
    table = state.bind_mapper.local_table
    if not isinstance(table, Table) or not is_stamped(table):
        return
    stamped = {column.name for column in _stamped(table)}
    values: Any = getattr(state.statement, "_values", None) or {}
    set_here = {getattr(key, "name", key) for key in values}
    if state.is_insert or set_here & stamped:
        raise TypeError(f"rows of {table.name} are stamped: change them one by one")
