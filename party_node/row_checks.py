"""Keyed digests of the rows that say who is who: a row that was changed is found.

Leaves and payloads are bound by the tree; which identifier belongs to which person is not, because
it must be erasable. Eight bytes of HMAC-SHA-256 a row say that this node wrote it so.
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from party_node.keyed_digest import keyed_digest
from party_node.tables import IdentifierRow, SubjectRow
from party_node.vault import Vault

_BYTES = 8
_BATCH = 10_000


class RowChecks:
    """Makes and compares the digests of one node."""

    def __init__(self, vault: Vault) -> None:
        self._keyed = keyed_digest(vault.derive("row-check/1"))

    def subject(self, dense: int, subject_id: str) -> bytes:
        """Return the check of a person's row."""
        return self._keyed(f"subject/{dense}/{subject_id}".encode())[:_BYTES]

    def identifier(self, kind: str, digest: bytes, subject: int) -> bytes:
        """Return the check of an identifier's row."""
        return self._keyed(f"identifier/{kind}/{subject}/".encode() + digest)[:_BYTES]

    def damaged(self, session: Session) -> Iterator[tuple[str, str]]:
        """Return each row that this node did not write so: where it is, and what is wrong."""
        subjects = select(col(SubjectRow.dense), col(SubjectRow.subject_id), col(SubjectRow.check))
        for row in session.execute(subjects).yield_per(_BATCH):
            if row.check != self.subject(row.dense, row.subject_id):
                yield f"person {row.dense}", "the row was changed"
        identifiers = select(
            col(IdentifierRow.kind), col(IdentifierRow.digest), col(IdentifierRow.subject),
            col(IdentifierRow.check),
        )  # fmt: skip
        for row in session.execute(identifiers).yield_per(_BATCH):
            made = self.identifier(row.kind, bytes(row.digest), row.subject)
            if row.check != made:
                yield f"an identifier of person {row.subject}", "the row was changed"
