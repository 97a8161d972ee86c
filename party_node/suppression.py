"""Tokens of erased people's identifiers: who was erased does not come back by an import.

A token is a keyed digest of the identifier's digest, under a key of its own: it says that somebody
with this identifier was erased, when, and nothing else about them. It is kept for that purpose
alone, and also when the person comes back by an act of their own: what they said before the erasure
must not count again because somebody sends it once more.
"""

import hmac
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlmodel import Session, col

from party_node.database import select_among
from party_node.tables import EntryRow, IdentifierRow, SuppressionRow
from party_node.vault import Vault


class Suppression:
    """The tokens of one node."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derive("suppression/1")

    def suppress(self, session: Session, subject: int, entry: int) -> None:
        """Put tokens in the place of a person's identifiers, in the caller's transaction."""
        own = select(IdentifierRow).where(col(IdentifierRow.subject) == subject)
        rows = session.execute(own).scalars().all()
        tokens = sorted({(row.kind, self._token(bytes(row.digest))) for row in rows})
        for kind, token in tokens:
            session.merge(SuppressionRow(kind=kind, token=token, entry=entry))
        session.execute(delete(IdentifierRow).where(col(IdentifierRow.subject) == subject))

    def suppressed(self, session: Session, kind: str, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Return which of these identifier digests belong to somebody who was erased, and when, in
        milliseconds since 1970.
        """
        if session.execute(select(col(SuppressionRow.kind)).limit(1)).first() is None:
            return {}  # nobody ever was: nearly always
        by_token = {self._token(digest): digest for digest in digests}
        columns = ("token", "entry")
        rows = select_among(session, SuppressionRow, columns, "token", sorted(by_token), kind=kind)
        found = {by_token[bytes(token)]: entry for token, entry in rows}
        entries = sorted(set(found.values()))
        times = dict(select_among(session, EntryRow, ("index", "recorded_ms"), "index", entries))
        return {digest: times[entry] for digest, entry in found.items()}

    def _token(self, digest: bytes) -> bytes:
        return hmac.digest(self._key, digest, "sha256")
