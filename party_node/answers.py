"""Answers that are given again: the same question about the same people costs once.

A release is kept by its account, its canonical question (`protocols/question.py`) and its snapshot:
the rows and the people that it was asked about. Asked again at no higher price, it is the answer,
free of charge, so that nobody averages the noise away. Who wants it anew needs two people who say
so (`second_approvals.py`), and pays again. The order that makes it safe to crash anywhere:

    find   nothing    →   charge   →   draw   →   keep   →   tell what `keep` returned

Whoever asks at the same moment charges too, and is told what was kept first. A snapshot is a keyed
digest: it says nothing to who does not hold the key of the node.

A question about people in common is answered by a job, and both sides find its answer among their
runs (`phase_recall.py`). Whose budget paid keeps an answer for each such job here, without what was
told: so it is listed with the others, and the same two people let it be asked anew.
"""

import hmac
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session, col, select

from party_node.accounts import Account
from party_node.budget_tables import AnswerRefreshRow, AnswerRow
from party_node.database import Database
from party_node.errors import NotFound
from party_node.lineages import lineage_of, names_of
from party_node.tables import CounterRow
from party_node.vault import Vault

ANSWERS = "released-answers"
"""Counter of all answers that were ever kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A release that was kept."""

    number: int
    counterparty: str
    lineage: str
    question: bytes
    job: str
    rho_nano: int
    release: bytes
    """As it was told: an encoded record, or what the caller kept."""
    released_ms: int


class Answers:
    """The answers of one node; safe to use from several threads."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db, self._key = db, vault.derive("answer-snapshot/1")

    def snapshot(self, state: str, people: BitMap | FrozenBitMap) -> bytes:
        """Return the 32 bytes that stand for these rows and people.

        `state` says which rows: the SHA-256 of the registered file.
        """
        made = hmac.new(self._key, f"{len(state)}/{state}/".encode(), "sha256")
        made.update(np.frombuffer(people.to_array(), dtype=np.uint32).astype("<u4").tobytes())
        return made.digest()

    def find(
        self, account: Account, question: bytes, snapshot: bytes, rho_nano: int
    ) -> Answer | None:
        """Return the answer to give again; None if it must be paid for: it was never given, or only
        at a lower price, or two people let it be asked anew.

        Raises: UnknownDataset, RowChanged.
        """
        with self._db.reading() as session:
            return _standing(_newest(session, account, question, snapshot), session, rho_nano)

    def keep(
        self,
        account: Account,
        question: bytes,
        snapshot: bytes,
        job: str,
        release: bytes,
        rho_nano: int,
        now_ms: int,
    ) -> Answer:
        """Keep a release that was charged, before it is told; return the one to tell.

        That is another one where somebody was first, and the same again for the same job.
        Raises: UnknownDataset, DiskFull, RowChanged.
        """
        with self._db.writing() as session:
            newest = _newest(session, account, question, snapshot)
            stands = _standing(newest, session, rho_nano)
            if stands is not None:
                return stands
            turn = 0 if newest is None else newest.turn + 1
            told = question, snapshot, turn, job, rho_nano, release, now_ms
            return _answer(_add(session, account, *told))

    def keep_job(
        self,
        session: Session,
        account: Account,
        question: bytes,
        job: str,
        rho_nano: int,
        now_ms: int,
    ) -> None:
        """Keep that a job was answered, in the caller's transaction; what it told is not kept here.

        Raises: UnknownDataset.
        """
        alone = self.snapshot(f"job {job}", BitMap())  # which run answers is found by its people
        _add(session, account, question, alone, 0, job, rho_nano, b"", now_ms)

    def job_answers(self, job: str) -> bool:
        """Tell whether a job's answer may be given again: no two people let it be asked anew.

        Raises: RowChanged.
        """
        with self._db.reading() as session:
            rows = session.exec(select(AnswerRow).where(col(AnswerRow.job) == job)).all()
            return all(session.get(AnswerRefreshRow, row.answer) is None for row in rows)

    def get(self, number: int) -> Answer:
        """Return an answer by its number. Raises: NotFound, RowChanged."""
        with self._db.reading() as session:
            row = session.get(AnswerRow, number)
        if row is None:
            raise NotFound(f"there is no answer {number}")
        return _answer(row)

    def listed(self, newest: int) -> list[tuple[Answer, bool]]:
        """Return the newest answers, each with whether it still answers."""
        query = select(AnswerRow).order_by(col(AnswerRow.answer).desc()).limit(newest)
        with self._db.reading() as session:
            return [
                (_answer(row), session.get(AnswerRefreshRow, row.answer) is None)
                for row in session.exec(query)
            ]


def _add(
    session: Session,
    account: Account,
    question: bytes,
    snapshot: bytes,
    turn: int,
    job: str,
    rho_nano: int,
    release: bytes,
    now_ms: int,
) -> AnswerRow:
    """Number an answer and add it to the transaction."""
    counter = session.get(CounterRow, ANSWERS)
    number = 1 + (0 if counter is None else counter.value)
    row = AnswerRow(
        answer=number,
        counterparty=account.counterparty,
        lineage=lineage_of(session, account.dataset),
        question=question,
        snapshot=snapshot,
        turn=turn,
        job=job,
        rho_nano=rho_nano,
        release=release,
        released_ms=now_ms,
    )
    session.merge(CounterRow(name=ANSWERS, value=number))
    session.add(row)
    return row


def _newest(
    session: Session, account: Account, question: bytes, snapshot: bytes
) -> AnswerRow | None:
    names = names_of(session, lineage_of(session, account.dataset)) or {account.dataset}
    query = (
        select(AnswerRow)
        .where(
            col(AnswerRow.counterparty) == account.counterparty,
            col(AnswerRow.lineage).in_(names),
            col(AnswerRow.question) == question,
            col(AnswerRow.snapshot) == snapshot,
        )
        .order_by(col(AnswerRow.turn).desc(), col(AnswerRow.answer).desc())
        .limit(1)
    )
    return session.exec(query).one_or_none()


def _standing(row: AnswerRow | None, session: Session, rho_nano: int) -> Answer | None:
    if row is None or row.rho_nano < rho_nano:
        return None
    return None if session.get(AnswerRefreshRow, row.answer) is not None else _answer(row)


def _answer(row: AnswerRow) -> Answer:
    assert row.answer is not None
    return Answer(
        row.answer, row.counterparty, row.lineage, row.question, row.job, row.rho_nano,
        row.release, row.released_ms,
    )  # fmt: skip
