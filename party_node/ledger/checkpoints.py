"""The signed checkpoints of a consent ledger: one for each size, kept before anybody sees it.

A log must never sign two checkpoints that are not consistent. So a new one is signed only when the
tree continues the newest, in the transaction that stores it; its size is the primary key. The
witnesses' cosignatures are kept with it; with those of a quorum it is published.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from consent.checkpoint import LogSigner, attach, open_checkpoint
from consent.errors import ConsentError
from consent.merkle import ProofTree
from consent.note import Note, Verified, parse_note
from consent.policy import Policy
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

    def add_cosignatures(self, size: int, cosignatures: Iterable[Verified]) -> str:
        """Keep witnesses' cosignatures that were verified for the checkpoint of that size.

        Of each key the newest is kept. Returns the whole note. Raises: NotFound.
        """
        with self._db.writing() as session:
            row = self._row(session, size)
            note = parse_note(row.cosigned or row.note)
            fresh = {(c.signature.name, c.signature.key_id): c for c in cosignatures}
            others = tuple(s for s in note.signatures if (s.name, s.key_id) not in fresh)
            row.cosigned = attach(Note(note.text, others), *fresh.values()).encode()
            session.add(row)
            return row.cosigned

    def publish(self, size: int, policy: Policy) -> None:
        """Mark the checkpoint of that size as published, if the policy accepts it.

        Raises: BadSignature if its quorum has not cosigned it; NotFound.
        """
        with self._db.writing() as session:
            row = self._row(session, size)
            policy.open(row.cosigned or row.note)
            row.published = True
            session.add(row)

    def cosigned(self, size: int) -> str:
        """Return the note of that size with the cosignatures that are there so far.

        Raises: NotFound.
        """
        with self._db.reading() as session:
            row = self._row(session, size)
            return row.cosigned or row.note

    def latest(self) -> str | None:
        """Return the newest note, with the cosignatures that are there so far."""
        with self._db.reading() as session:
            row = _newest(session)
        return None if row is None else row.cosigned or row.note

    def latest_published(self) -> str | None:
        """Return the newest note that a quorum has cosigned, or None."""
        with self._db.reading() as session:
            row = _newest(session, published=True)
        return None if row is None else row.cosigned

    def require_continued(self, session: Session, tree: ProofTree) -> None:
        """Return if `tree` continues the newest checkpoint.

        Raises: LedgerDamaged.
        """
        row = _newest(session)
        if row is not None:
            _continues(row, tree)

    def verify(self, session: Session, tree: ProofTree) -> tuple[int, int]:
        """Check every checkpoint against `tree`; return how many there are, and how many published.

        Raises: LedgerDamaged.
        """
        for where, what in self.damaged(session, tree):
            raise LedgerDamaged(f"the {where}: {what}")
        rows = session.execute(select(CheckpointRow)).scalars().all()
        return len(rows), sum(row.published for row in rows)

    def damaged(self, session: Session, tree: ProofTree) -> Iterator[tuple[str, str]]:
        """Return each checkpoint that does not fit `tree` or itself, and what is wrong with it."""
        for row in session.execute(select(CheckpointRow)).scalars():
            where = f"checkpoint of size {row.size}"
            if row.size > tree.size or tree.root(row.size) != row.root:
                yield where, "the ledger does not continue it"
            for note in filter(None, (row.note, row.cosigned)):
                try:
                    said = open_checkpoint(note, self._signer.verifier)
                except ConsentError as e:
                    yield where, e.code
                    continue
                if (said.size, said.root) != (row.size, row.root):
                    yield where, "its note says otherwise"
            if row.published and not row.cosigned:
                yield where, "it is marked as published, and nobody cosigned it"

    def _row(self, session: Session, size: int) -> CheckpointRow:
        row = session.get(CheckpointRow, size)
        if row is None:
            raise NotFound("there is no checkpoint of that size")
        return row


def _newest(session: Session, *, published: bool = False) -> CheckpointRow | None:
    query = select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
    if published:
        query = query.where(col(CheckpointRow.published))
    return session.execute(query).scalars().one_or_none()


def _continues(row: CheckpointRow, tree: ProofTree) -> None:
    if row.size > tree.size or tree.root(row.size) != row.root:
        raise LedgerDamaged(f"the ledger does not continue its checkpoint of size {row.size}")
