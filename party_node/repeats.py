"""Repeated questions: what this node has brought before decides what it brings next.

Two answers over sets that differ by a few people tell about those people. So this node remembers,
for each peer and question, which people it brought, and between two runs of a question

    either at least `least_change` people differ (50 by default), or nobody has come in.

Who has come meanwhile waits. Who has withdrawn is out at once: that is their right, and to be left
out of what is told from now on is what a withdrawal asks for. A count that both sides would bring
nearly the same people to is not taken again: both answer from the earlier release, free of charge.

Remembered is what a run was begun with, before anything left, whatever became of it: a run that
breaks off may have told already. See ADR 14.
"""

from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session, col, select

from party_node.database import Database
from party_node.job_tables import RememberedInputRow, ResultRow
from party_node.vault import Vault
from protocols.job import JobDescription

MOST = 64
"""Inputs that are remembered of one question, the newest."""

AnyBitMap = BitMap | FrozenBitMap


class Repeats:
    """The inputs of earlier runs; safe to use from several threads."""

    def __init__(self, db: Database, vault: Vault, least_change: int) -> None:
        self._db, self._vault, self._least = db, vault, least_change

    def admit(
        self, job: JobDescription, peer: str, permitted: AnyBitMap, now_ms: int
    ) -> FrozenBitMap:
        """Return whom this node may bring to a run, and remember them; the same again if asked
        again with the same people.
        """
        with self._db.writing() as session:
            rows = [r for r in _newest(session, job, peer) if r.job != job.job]
            people = self._without_newcomers(permitted, [self._open(row) for row in rows])
            for row in rows[MOST - 1 :]:
                session.delete(row)
            sealed = self._vault.seal(_context(job.job), people.serialize())
            session.merge(
                RememberedInputRow(
                    job=job.job, peer=peer, question=question(job), people=sealed, begun_ms=now_ms
                )
            )
        return FrozenBitMap(people)

    def forget_run(self, job: str) -> None:
        """Forget a run of which nothing has left this node."""
        with self._db.writing() as session:
            row = session.get(RememberedInputRow, job)
            if row is not None:
                session.delete(row)

    def nearest(self, job: JobDescription, peer: str, permitted: AnyBitMap) -> list[str]:
        """Return the earlier runs, newest first, that brought nearly these people to this question
        and have a result here.
        """
        with self._db.reading() as session:
            return [
                row.job
                for row in _newest(session, job, peer)
                if row.job != job.job
                and _differ(permitted, self._open(row)) < self._least
                and session.get(ResultRow, row.job) is not None
            ]

    def _without_newcomers(self, permitted: AnyBitMap, before: list[BitMap]) -> BitMap:
        people = BitMap(permitted)
        # Whoever is left out may bring another run near, so all are looked at until none changes.
        while True:
            known = [b for b in before if _differ(people, b) < self._least and people - b]
            if not known:
                return people
            people &= known[0]

    def _open(self, row: RememberedInputRow) -> BitMap:
        return BitMap.deserialize(self._vault.open(_context(row.job), row.people))


def question(job: JobDescription) -> str:
    """Return what makes two jobs the same question to one peer."""
    return "/".join((job.kind, job.purpose, "+".join(job.identifiers), job.receiver))


def forget_from_inputs(session: Session, vault: Vault, subject: int) -> None:
    """Take a person out of every remembered input, for erasure, in the caller's transaction."""
    for row in session.exec(select(RememberedInputRow)):
        people = BitMap.deserialize(vault.open(_context(row.job), row.people))
        if subject in people:
            people.discard(subject)
            row.people = vault.seal(_context(row.job), people.serialize())
            session.add(row)


def _newest(session: Session, job: JobDescription, peer: str) -> list[RememberedInputRow]:
    query = select(RememberedInputRow).where(
        col(RememberedInputRow.peer) == peer, col(RememberedInputRow.question) == question(job)
    )
    newest = col(RememberedInputRow.begun_ms).desc(), col(RememberedInputRow.job)
    return list(session.exec(query.order_by(*newest)))


def _differ(one: AnyBitMap, other: AnyBitMap) -> int:
    return BitMap(one).symmetric_difference_cardinality(BitMap(other))


def _context(job: str) -> str:
    return f"remembered-input/{job}"
