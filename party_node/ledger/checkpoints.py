"""The signed checkpoints of a consent ledger: one for each size, kept before anybody sees it.

A log must never sign two checkpoints that are not consistent. So a new one is signed only when the
tree continues the newest, in the transaction that stores it; its size is the primary key.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session, col

from consent.checkpoint import LogSigner, open_checkpoint, with_cosignatures
from consent.errors import ConsentError
from consent.merkle import ProofTree
from consent.note import parse_vkey
from party_node.database import Database
from party_node.errors import LedgerDamaged, NotFound
from party_node.tables import CheckpointRow


class Checkpoints:
    """The checkpoints of one ledger."""

    def __init__(self, db: Database, signer: LogSigner) -> None:
        self._db, self._signer = db, signer

    def issue(self, session: Session, tree: ProofTree) -> str:
        """Return the note for this tree: the stored one, or a new one that the caller commits.

        Raises: LedgerDamaged if the tree does not continue the newest checkpoint.
        """
        self.require_continued(session, tree)
        known = session.get(CheckpointRow, tree.size)
        if known is not None:
            return known.note
        root = tree.root()
        note = self._signer.sign(tree.size, root)
        session.add(CheckpointRow(size=tree.size, root=root, note=note))
        return note

    def covering(self, index: int) -> tuple[int, bytes] | None:
        """Return size and root of the first checkpoint that includes entry `index`, if any."""
        size = col(CheckpointRow.size)
        query = select(CheckpointRow).where(size > index).order_by(size).limit(1)
        with self._db.reading() as session:
            row = session.execute(query).scalars().one_or_none()
        return None if row is None else (row.size, row.root)

    def add_cosignature(self, size: int, lines: str, witness_vkey: str = "") -> str:
        """Keep a witness's signature lines for the checkpoint of that size; return the whole note.

        With `witness_vkey` the cosignature must verify. Raises: NotFound, BadSignature,
        MalformedRecord.
        """
        with self._db.writing() as session:
            row = session.get(CheckpointRow, size)
            if row is None:
                raise NotFound("there is no checkpoint of that size")
            note = with_cosignatures(row.note, lines)
            if witness_vkey:
                open_checkpoint(note, self._signer.verifier, [parse_vkey(witness_vkey)], 1)
            row.cosigned = note
            session.add(row)
        return note

    def latest(self) -> str | None:
        """Return the newest note, with its cosignature where there is one."""
        with self._db.reading() as session:
            row = _newest(session)
        return None if row is None else row.cosigned or row.note

    def latest_cosigned(self) -> str | None:
        """Return the newest note that a witness has cosigned, or None."""
        with self._db.reading() as session:
            row = _newest(session, cosigned=True)
        return None if row is None else row.cosigned

    def require_continued(self, session: Session, tree: ProofTree) -> None:
        """Return if `tree` continues the newest checkpoint.

        Raises: LedgerDamaged.
        """
        row = _newest(session)
        if row is not None:
            _continues(row, tree)

    def verify(self, session: Session, tree: ProofTree) -> tuple[int, int]:
        """Check every checkpoint against `tree`; return how many there are, and how many cosigned.

        Raises: LedgerDamaged.
        """
        rows = session.execute(select(CheckpointRow)).scalars().all()
        for row in rows:
            self._verify_notes(row, filter(None, (row.note, row.cosigned)))
            _continues(row, tree)
        return len(rows), sum(row.cosigned is not None for row in rows)

    def _verify_notes(self, row: CheckpointRow, notes: Iterable[str]) -> None:
        try:
            for note in notes:
                said = open_checkpoint(note, self._signer.verifier)
                if (said.size, said.root) != (row.size, row.root):
                    raise LedgerDamaged(f"the checkpoint of size {row.size} says otherwise")
        except ConsentError as e:
            raise LedgerDamaged(f"the checkpoint of size {row.size}: {e.code}") from e


def _newest(session: Session, *, cosigned: bool = False) -> CheckpointRow | None:
    query = select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
    if cosigned:
        query = query.where(col(CheckpointRow.cosigned).is_not(None))
    return session.execute(query).scalars().one_or_none()


def _continues(row: CheckpointRow, tree: ProofTree) -> None:
    if row.size > tree.size or tree.root(row.size) != row.root:
        raise LedgerDamaged(f"the ledger does not continue its checkpoint of size {row.size}")
