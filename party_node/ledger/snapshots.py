"""Keeping what the consent ledger comes to, sealed, so that a node is ready soon after a restart.

A snapshot is a cache and nothing else. It opens only with this node's key and only as one whole; it
counts only if the leaf hashes in the database lead to its root, and under the same vocabulary.
Everything else is ignored, and the log is read from its start. It tells about persons: erasing a
person's keys must `drop` it in the same transaction.
"""

import zlib

from sqlalchemy import delete, select
from sqlmodel import Session, col

from consent.errors import MalformedRecord
from consent.snapshot import Snapshot
from consent.vocabulary import Vocabulary
from party_node.database import insert_many
from party_node.errors import SealBroken
from party_node.tables import SnapshotRow
from party_node.vault import Vault

_PART_BYTES = 1 << 22
_FASTEST = 1


class Snapshots:
    """The snapshot of one ledger: there is at most one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def load(self, session: Session, vocabulary: Vocabulary) -> Snapshot | None:
        """Return the snapshot, or None if there is none that opens and was made under `vocabulary`.

        The caller compares size and root with the log.
        """
        query = select(col(SnapshotRow.size), col(SnapshotRow.sealed))
        rows = session.execute(query.order_by(col(SnapshotRow.size), col(SnapshotRow.part))).all()
        try:
            parts = [
                self._vault.open(_context(size, part, len(rows)), sealed)
                for part, (size, sealed) in enumerate(rows)
            ]
            unpacked = zlib.decompress(b"".join(parts))
            return Snapshot.from_bytes(unpacked, vocabulary)
        except (SealBroken, MalformedRecord, zlib.error):
            return None

    def keep(self, session: Session, snapshot: Snapshot) -> None:
        """Put this snapshot in the place of the one before."""
        packed = zlib.compress(snapshot.to_bytes(), _FASTEST)
        parts = [packed[i : i + _PART_BYTES] for i in range(0, len(packed), _PART_BYTES)]
        rows = [
            (snapshot.size, n, self._vault.seal(_context(snapshot.size, n, len(parts)), part))
            for n, part in enumerate(parts)
        ]
        self.drop(session)
        insert_many(session, SnapshotRow, ("size", "part", "sealed"), rows)

    def drop(self, session: Session) -> None:
        """Delete the snapshot; it costs time at the next start and nothing else."""
        session.execute(delete(SnapshotRow))


def _context(size: int, part: int, parts: int) -> str:
    return f"ledger-snapshot/{size}/{part}/{parts}"
