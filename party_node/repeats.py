"""Repeated questions: what this node has brought before decides what it brings next.

Two answers over sets that differ by a few people tell about those people. So this node remembers,
for each peer, whom it brought to every run, and compared with each of them

    either at least `least_change` people have come in (50 by default), or nobody has.

Who has come meanwhile waits. Who has withdrawn is out at once: that is their right, and to be left
out of what is told from now on is what a withdrawal asks for; so those who go make no room for one
who comes. A person with an identifier that they did not have then has come, too. A count that both
sides would bring nearly the same people to is not taken again: both answer from the earlier
release, free of charge.

Remembered is what a run was begun with, before anything left, whatever became of it: a run that
breaks off may have told already. All questions to a peer share one memory: another purpose, kind,
type or dataset would else be a way around it. See ADR 14.
"""

from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session, col, select

from party_node.database import Database
from party_node.job_tables import RememberedInputRow, ResultRow
from party_node.vault import Vault
from protocols.job import JobDescription

MOST = 64
"""Inputs that are remembered of one dataset for one peer, the newest."""
ANSWERS_FOR_MS = 30 * 24 * 3_600_000
"""How old a release may be that answers again."""

AnyBitMap = BitMap | FrozenBitMap


class Repeats:
    """The inputs of earlier runs; safe to use from several threads."""

    def __init__(self, db: Database, vault: Vault, least_change: int) -> None:
        self._db, self._vault, self._least = db, vault, least_change

    def admit(
        self, job: JobDescription, party: str, permitted: AnyBitMap, now_ms: int
    ) -> FrozenBitMap:
        """Return whom this node, the party `party`, may bring to a run, and remember them for every
        other party of it; the same again if asked again with the same people.
        """
        dataset, peers = job.dataset_of(party), job.others(party)
        with self._db.writing() as session:
            rows = {peer: [r for r in _newest(session, peer) if r.job != job.job] for peer in peers}
            before = [self._open(row) for each in rows.values() for row in each]
            people = self._without_newcomers(permitted, before)
            for peer in peers:
                for row in [r for r in rows[peer] if r.dataset == dataset][MOST - 1 :]:
                    session.delete(row)
                sealed = self._vault.seal(_context(job.job), people.serialize())
                session.merge(
                    RememberedInputRow(
                        job=job.job, peer=peer, dataset=dataset, people=sealed, begun_ms=now_ms
                    )
                )
        return FrozenBitMap(people)

    def forget_run(self, job: str) -> None:
        """Forget a run of which nothing has left this node."""
        with self._db.writing() as session:
            ours = select(RememberedInputRow).where(col(RememberedInputRow.job) == job)
            for row in session.exec(ours):
                session.delete(row)

    def come(self, session: Session, people: AnyBitMap) -> None:
        """Let these count as come wherever they were brought: they have a new identifier."""
        forget_from_inputs(session, self._vault, people)

    def nearest(self, peer: str, permitted: AnyBitMap, now_ms: int) -> list[str]:
        """Return the earlier runs with this peer, newest first, that brought nearly these people,
        have a result here and are not too old to answer again.

        None if there is nobody: an answer about people who have all gone is no answer.
        """
        if not permitted:
            return []
        with self._db.reading() as session:
            return [
                row.job
                for row in _newest(session, peer)
                if row.begun_ms > now_ms - ANSWERS_FOR_MS
                and _differ(permitted, self._open(row)) < self._least
                and session.get(ResultRow, row.job) is not None
            ]

    def _without_newcomers(self, permitted: AnyBitMap, before: list[BitMap]) -> BitMap:
        people = BitMap(permitted)
        # Whoever is left out may bring another run near, so all are looked at until none changes.
        while True:
            known = [b for b in before if 0 < len(people - b) < self._least]
            if not known:
                return people
            people &= known[0]

    def _open(self, row: RememberedInputRow) -> BitMap:
        return BitMap.deserialize(self._vault.open(_context(row.job), row.people))


def forget_from_inputs(session: Session, vault: Vault, people: AnyBitMap) -> None:
    """Take people out of every remembered input, in the caller's transaction: those who are
    erased, and those who have an identifier now that they had not, so that they count as come.
    """
    for row in session.exec(select(RememberedInputRow)):
        before = BitMap.deserialize(vault.open(_context(row.job), row.people))
        left = before - people
        if left != before:
            row.people = vault.seal(_context(row.job), left.serialize())
            session.add(row)


def _newest(session: Session, peer: str) -> list[RememberedInputRow]:
    query = select(RememberedInputRow).where(col(RememberedInputRow.peer) == peer)
    newest = col(RememberedInputRow.begun_ms).desc(), col(RememberedInputRow.job)
    return list(session.exec(query.order_by(*newest)))


def _differ(one: AnyBitMap, other: AnyBitMap) -> int:
    return BitMap(one).symmetric_difference_cardinality(BitMap(other))


def _context(job: str) -> str:
    return f"remembered-input/{job}"
