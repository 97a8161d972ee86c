"""Reading the consent ledger's entries back from the database, and opening what is not erased."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from consent.errors import ConsentError
from consent.fields import Entry
from consent.ledger import SubjectKeys, open_entry
from consent.merkle import leaf_hash
from party_node.errors import LedgerDamaged
from party_node.ledger.keyring import Keyring
from party_node.tables import EntryRow, PayloadRow

_PAGE = 5_000
_LEAVES = 20_000
Leaves = tuple[int, bytes, bytes]
"""Index, leaf and leaf hash of an entry."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry as it stands in the ledger."""

    index: int
    type: str
    recorded_ms: int
    subject: int | None
    """Dense number of the person that it is about."""
    leaf: bytes = field(repr=False)
    leaf_hash: bytes = field(repr=False)
    salt: bytes | None = field(repr=False)
    """Opens the leaf's commitment; None once the payload is erased."""
    record: Entry | None = field(repr=False)
    """None once the payload is erased."""
    erased: int | None = None
    """Index of the entry that says under which request it was erased."""


class EntryReader:
    """Reads entries in rising order, page by page.

    An entry whose payload is gone although no erasure says so was not erased but damaged, and
    raises LedgerDamaged: a lost withdrawal must never look like a consent.
    """

    def __init__(self, keyring: Keyring, controller: str) -> None:
        self._keyring, self._controller = keyring, controller

    def read(self, session: Session, *where: ColumnElement[bool]) -> Iterator[LedgerEntry]:
        """Return the entries that match, opened where they can be.

        Raises: LedgerDamaged.
        """
        for page in self.pages(session, *where):
            people = {row.subject for row in page if row.subject is not None}
            keys = self._keyring.load(session, people)
            for row in page:
                yield self.entry(row, keys)

    def pages(self, session: Session, *where: ColumnElement[bool]) -> Iterator[Sequence[Any]]:
        """Return the stored rows that match, with their payloads as they lie there, some at a time;
        see `entry`.
        """
        after = -1
        while page := self._page(session, after, where):
            yield page
            after = page[-1].index

    def leaves(self, session: Session, start: int = 0) -> Iterator[Leaves]:
        """Return index, leaf and leaf hash of the entries from `start` on; no payload is read."""
        index = col(EntryRow.index)
        columns = index, col(EntryRow.leaf), col(EntryRow.leaf_hash)
        while True:
            page = select(*columns).where(index >= start).order_by(index).limit(_LEAVES)
            rows = session.execute(page).all()
            yield from (tuple(row) for row in rows)
            if len(rows) < _LEAVES:
                return
            start = rows[-1][0] + 1

    def _page(
        self, session: Session, after: int, where: tuple[ColumnElement[bool], ...]
    ) -> Sequence[Any]:
        query = (
            select(
                col(EntryRow.index),
                col(EntryRow.leaf),
                col(EntryRow.leaf_hash),
                col(EntryRow.subject),
                col(EntryRow.type),
                col(EntryRow.recorded_ms),
                col(EntryRow.erased),
                col(PayloadRow.salt),
                col(PayloadRow.nonce),
                col(PayloadRow.ciphertext),
            )
            .outerjoin(PayloadRow, col(PayloadRow.index) == col(EntryRow.index))
            .where(col(EntryRow.index) > after, *where)
            .order_by(col(EntryRow.index))
            .limit(_PAGE)
        )
        return session.execute(query).all()

    def entry(self, row: Any, known: Mapping[int, SubjectKeys]) -> LedgerEntry:
        """Open one stored row, given the keys of people.

        Raises: LedgerDamaged.
        """
        if leaf_hash(row.leaf) != row.leaf_hash:
            raise LedgerDamaged(f"the leaf of entry {row.index} was changed")
        record = self._open(row, known)
        return LedgerEntry(
            index=row.index,
            type=row.type,
            recorded_ms=row.recorded_ms,
            subject=row.subject,
            leaf=row.leaf,
            leaf_hash=row.leaf_hash,
            salt=None if record is None else row.salt,
            record=record,
            erased=row.erased,
        )

    def _open(self, row: Any, known: Mapping[int, SubjectKeys]) -> Entry | None:
        if row.erased is not None:
            return None
        keys = self._keyring.of_node if row.subject is None else known.get(row.subject)
        if keys is None or row.ciphertext is None:
            raise LedgerDamaged(f"the payload of entry {row.index} is missing but not erased")
        try:
            return open_entry(
                row.leaf,
                salt=row.salt,
                nonce=row.nonce,
                ciphertext=row.ciphertext,
                keys=keys,
                controller=self._controller,
            )
        except ConsentError as e:
            raise LedgerDamaged(f"entry {row.index} does not open: {e.code}") from e
