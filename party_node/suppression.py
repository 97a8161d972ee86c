"""Tokens of erased people's identifiers: who was erased does not come back by an import.

A token is a keyed digest of the identifier's digest, under a key of its own: it says that somebody
with this identifier was erased, when, and nothing else about them. It is kept for that purpose
alone, and also when the person comes back by an act of their own: what they said before the erasure
must not count again because somebody sends it once more.

Tokens lie in sets, by kind and first byte, each with a stamped digest over all of them: so it shows
at the next question about any of a set that one was changed, taken away or put in, and nobody is
made. An erasure's row says how many tokens there are for it.
"""

import hashlib
import hmac
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlmodel import Session, col

from party_node.database import select_among
from party_node.errors import RowChanged
from party_node.tables import (
    EntryRow,
    ErasureRow,
    IdentifierRow,
    SuppressionRow,
    SuppressionSetRow,
)
from party_node.vault import Vault

Place = tuple[str, int]
"""A set of tokens: their kind and their first byte."""


class Suppression:
    """The tokens of one node."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derive("suppression/1")

    def suppress(self, session: Session, subject: int, entry: int) -> None:
        """Put tokens in the place of a person's identifiers, in the caller's transaction.

        The erasure at `entry` has its row already. Raises: RowChanged.
        """
        own = select(IdentifierRow).where(col(IdentifierRow.subject) == subject)
        rows = session.execute(own).scalars().all()
        tokens = sorted({(row.kind, self._token(bytes(row.digest))) for row in rows})
        for kind, token in tokens:
            _compare(session, [(kind, token[0])])
            before = session.get(SuppressionRow, (kind, token))
            if before is not None:
                _count(session, before.entry, -1)
            session.merge(SuppressionRow(kind=kind, token=token, entry=entry))
            _count(session, entry, +1)
            _write_set(session, (kind, token[0]))
        session.execute(delete(IdentifierRow).where(col(IdentifierRow.subject) == subject))

    def suppressed(self, session: Session, kind: str, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Return which of these identifier digests belong to somebody who was erased, and when, in
        milliseconds since 1970.

        Raises: RowChanged.
        """
        if not any(_has_rows(session, table) for table in (SuppressionSetRow, SuppressionRow)):
            return {}  # nobody ever was: nearly always
        by_token = {self._token(digest): digest for digest in digests}
        _compare(session, sorted({(kind, token[0]) for token in by_token}))
        columns = ("token", "entry")
        rows = select_among(session, SuppressionRow, columns, "token", sorted(by_token), kind=kind)
        found = {by_token[bytes(token)]: entry for token, entry in rows}
        entries = sorted(set(found.values()))
        times = dict(select_among(session, EntryRow, ("index", "recorded_ms"), "index", entries))
        return {digest: times[entry] for digest, entry in found.items()}

    def _token(self, digest: bytes) -> bytes:
        return hmac.digest(self._key, digest, "sha256")


def set_of(session: Session, place: Place) -> tuple[int, bytes]:
    """Return how many tokens a set has, and the digest over them."""
    kind, first = place
    token = col(SuppressionRow.token)
    query = select(token, col(SuppressionRow.entry)).where(
        col(SuppressionRow.kind) == kind, token >= bytes([first])
    )
    if first < 0xFF:
        query = query.where(token < bytes([first + 1]))
    rows = session.execute(query.order_by(token)).all()
    told = hashlib.sha256()
    for found, entry in rows:
        told.update(len(found).to_bytes(4) + found + int(entry).to_bytes(8, signed=True))
    return len(rows), told.digest()


def _has_rows(session: Session, table: type[SuppressionSetRow | SuppressionRow]) -> bool:
    return session.execute(select(col(table.kind)).limit(1)).first() is not None


def _compare(session: Session, places: Iterable[Place]) -> None:
    """Return if these sets are as they were written. Raises: RowChanged."""
    for place in places:
        row = session.get(SuppressionSetRow, place)
        said = (0, hashlib.sha256().digest()) if row is None else (row.tokens, row.digest)
        if set_of(session, place) != said:
            raise RowChanged("in the table suppressions")


def _write_set(session: Session, place: Place) -> None:
    session.flush()
    kind, first = place
    tokens, digest = set_of(session, place)
    session.merge(SuppressionSetRow(kind=kind, first=first, tokens=tokens, digest=digest))
    session.flush()


def _count(session: Session, entry: int, change: int) -> None:
    """Keep account of an erasure's tokens. Raises: RowChanged if it has no row."""
    row = session.get(ErasureRow, entry)
    if row is None:
        raise RowChanged("a row is missing in the table erasures")
    row.suppressed += change
