"""Merging two records of persons who turn out to be one: rule 4.

The kept record goes on; identifiers and dataset rows of the other become its own. What either
objected to or did not permit at that moment is not permitted, until the person chooses again.
"""

from sqlalchemy import select, update
from sqlmodel import Session, col

from consent.merges import SubjectsMerged
from party_node.datasets import Datasets
from party_node.errors import MergeRefused
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.persons import entries_of_person
from party_node.tables import IdentifierRow


class Merging:
    """Merges records; one for each node."""

    def __init__(self, ledger: ConsentLedger, identity: Identity, datasets: Datasets) -> None:
        self._ledger, self._identity, self._datasets = ledger, identity, datasets

    def merge(self, kept: int, absorbed: int, ground: str, by: str) -> int | None:
        """Make two records one person; return the index of the entry, None if they were before.

        Again, it finishes what an interrupted one has left of the datasets. Raises: MergeRefused if
        a record is merged with itself or does not exist.
        """
        with self._ledger.hold() as head:
            kept, absorbed = head.projection.current(kept), head.projection.current(absorbed)
            if kept == absorbed:
                for earlier in entries_of_person(self._ledger, self._identity, kept):
                    self._datasets.reassign(earlier, kept)
                return None
            ids = self._identity.subject_ids([kept, absorbed])
            if len(ids) != 2:
                raise MergeRefused("one of the two persons is not known here")
            record = SubjectsMerged(
                subject_id=ids[kept],
                absorbed=ids[absorbed],
                merged_at_ms=self._ledger.now(),
                ground=ground,
                by=by,
            )

            def keep(session: Session, _indices: list[int]) -> None:
                self._move_identifiers(session, absorbed, kept)

            (index,) = self._ledger.append([record], also=keep)
        self._datasets.reassign(absorbed, kept)
        return index

    def _move_identifiers(self, session: Session, absorbed: int, kept: int) -> None:
        own = select(IdentifierRow).where(col(IdentifierRow.subject) == absorbed)
        for row in session.execute(own).scalars().all():
            check = self._identity.checks.identifier(row.kind, bytes(row.digest), kept)
            this = update(IdentifierRow).where(
                col(IdentifierRow.kind) == row.kind, col(IdentifierRow.digest) == row.digest
            )
            session.execute(this.values(subject=kept, check=check))
