"""Reading rows as they lie in the database, for who looks for damage: whatever kind their values
are.

SQLite keeps a value with its kind, so a flipped bit can make a number of a hash. SQLAlchemy would
stumble over that, or allocate what the number says; here it is looked at first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from consent.projection import MAX_DENSE

_PAGE = 5_000
_ENTRIES = """
SELECT e."index", e.leaf, e.leaf_hash, e.subject, e.type, e.recorded_ms, e.erased,
       p.salt, p.nonce, p.ciphertext
FROM ledger_entries e LEFT JOIN ledger_payloads p ON p."index" = e."index"
WHERE e."index" > :after ORDER BY e."index" LIMIT :most
"""
_NEXT = 'SELECT min("index") FROM ledger_entries WHERE "index" > :after'


@dataclass(slots=True)
class StoredEntry:
    """One entry with its payload, as they lie there."""

    index: int
    leaf: bytes = field(repr=False)
    leaf_hash: bytes = field(repr=False)
    subject: int | None
    type: str
    recorded_ms: int
    erased: int | None
    salt: bytes | None = field(repr=False)
    nonce: bytes | None = field(repr=False)
    ciphertext: bytes | None = field(repr=False)

    @property
    def is_plain(self) -> bool:
        """Each value is of the kind that its column is for."""
        return (
            type(self.leaf) is type(self.leaf_hash) is bytes
            and type(self.type) is str
            and type(self.recorded_ms) is int
            and (self.subject is None or _is_number(self.subject, MAX_DENSE))
            and (self.erased is None or _is_number(self.erased, 2**53))
            and {type(self.salt), type(self.nonce), type(self.ciphertext)} in _PAYLOAD
        )


_PAYLOAD = ({bytes}, {type(None)})


def _is_number(value: object, highest: int) -> bool:
    return type(value) is int and 0 <= value <= highest


def entry_pages(session: Session) -> Iterator[list[StoredEntry | int]]:
    """Return all entries in order, some at a time; of one that cannot be read, its index."""
    after = -1
    while page := _page(session, after):
        yield page
        last = page[-1]
        reached = last if isinstance(last, int) else last.index
        if type(reached) is int and reached <= after:
            break  # a damaged tree leads back: what checks the database file says so
        after = reached


def rows(session: Session, table: type[SQLModel], *columns: str) -> Iterator[Any]:
    """Return these columns of all rows as tuples, by the first of them; a page is in memory."""
    quote = session.connection().dialect.identifier_preparer.quote
    # Only names of our own tables and columns stand in the text.
    names = ", ".join(map(quote, columns))
    query = f"SELECT {names} FROM {quote(str(table.__tablename__))} ORDER BY {quote(columns[0])}"  # noqa: S608
    for row in session.execute(text(query), execution_options={"yield_per": _PAGE}):
        yield tuple(row)


def count(session: Session, table: type[SQLModel]) -> int:
    """Return how many rows a table has."""
    quote = session.connection().dialect.identifier_preparer.quote
    query = f"SELECT count(*) FROM {quote(str(table.__tablename__))}"  # noqa: S608
    return int(session.execute(text(query)).scalar_one())


def _page(session: Session, after: int) -> list[StoredEntry | int]:
    try:
        return _read(session, after, _PAGE)
    except DBAPIError:
        return _one_by_one(session, after)


def _one_by_one(session: Session, after: int) -> list[StoredEntry | int]:
    """Find out which entry of a page cannot be read."""
    page: list[StoredEntry | int] = []
    while len(page) < _PAGE:
        following = session.execute(text(_NEXT), {"after": after}).scalar_one()
        if following is None or following <= after:  # the second: a damaged tree leads back
            break
        try:
            page += _read(session, following - 1, 1)
        except DBAPIError:
            page.append(following)
        after = following
    return page


def _read(session: Session, after: int, most: int) -> list[StoredEntry | int]:
    found = session.execute(text(_ENTRIES), {"after": after, "most": most}).all()
    return [StoredEntry(*row) for row in found]
