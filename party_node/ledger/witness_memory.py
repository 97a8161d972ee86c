"""What this node remembers of its witnesses: what each has seen, what it said last, and alarms.

An alarm is a witness's word that this ledger's history is not the one that it knows. It stands
until that witness cosigns again, whatever happens to this process; the evidence stays for good. Who
was ahead stays ahead: a ledger that grows past what the witness saw is not the same again.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from consent.note import Verifier
from party_node.clock import Clock
from party_node.database import Database
from party_node.ledger.asking import ALARMS, Answer, Said
from party_node.witness_tables import WitnessAlarmRow, WitnessViewRow

MOST_EVIDENCE = 64
"""Alarms kept of one witness, which could raise them without end."""


OnAlarm = Callable[[Session, str, int], None]
"""Is told what a witness said (`asking.Said`) to a checkpoint of which size."""


@dataclass(frozen=True, slots=True)
class View:
    """What one witness said last."""

    seen: int = 0
    said: str = ""
    """One of `asking.Said`; empty if it was never asked."""
    detail: str = ""
    said_ms: int = 0
    alarm: str = ""
    """`ahead` or `refused` while it does not accept this ledger's history."""


class WitnessMemory:
    """The memory of one node."""

    def __init__(
        self, db: Database, clock: Clock, on_alarm: OnAlarm = lambda _session, _kind, _size: None
    ) -> None:
        """`on_alarm` is told of new evidence, in the transaction that keeps it."""
        self._db, self._clock, self._on_alarm = db, clock, on_alarm

    def of(self, witness: Verifier) -> View:
        """Return what a witness said last."""
        with self._db.reading() as session:
            row = session.get(WitnessViewRow, _key(witness))
            return View() if row is None else _view(row)

    def of_all(self, witnesses: Mapping[str, Verifier]) -> dict[str, View]:
        """Return what each of these witnesses said last, by its name in a policy."""
        return {name: self.of(witness) for name, witness in witnesses.items()}

    def remember(self, witness: Verifier, answer: Answer, size: int, note: str) -> None:
        """Keep what a witness said to the checkpoint of that size."""
        now = self._clock()
        with self._db.writing() as session:
            key = _key(witness)
            row = session.get(WitnessViewRow, key)
            if row is None:
                row = WitnessViewRow(key=key, name=witness.name, said=answer.said, said_ms=now)
            row.said, row.detail, row.said_ms = answer.said.value, answer.detail, now
            if answer.seen is not None:
                row.seen = answer.seen
            if answer.said is Said.COSIGNED:
                row.alarm = ""
            elif answer.said in ALARMS:
                row.alarm = Said.AHEAD if row.alarm == Said.AHEAD else answer.said.value
                if _keep_evidence(session, row, answer, size, note):
                    self._on_alarm(session, answer.said.value, size)
            session.add(row)

    def alarms(self) -> list[WitnessAlarmRow]:
        """Return all evidence, oldest first."""
        with self._db.reading() as session:
            rows = session.exec(select(WitnessAlarmRow).order_by(col(WitnessAlarmRow.raised_ms)))
            return list(rows.all())


def _keep_evidence(
    session: Session, view: WitnessViewRow, answer: Answer, size: int, note: str
) -> bool:
    """Keep it if it is new and there is room; return whether it was kept."""
    kept = session.exec(
        select(func.count())
        .select_from(WitnessAlarmRow)
        .where(col(WitnessAlarmRow.key) == view.key)
    ).one()
    known = session.get(WitnessAlarmRow, (view.key, view.said, size)) is not None
    fresh = not known and kept < MOST_EVIDENCE
    if fresh:
        session.add(
            WitnessAlarmRow(
                key=view.key,
                kind=view.said,
                size=size,
                name=view.name,
                seen=view.seen,
                note=note,
                answer=answer.detail,
                raised_ms=view.said_ms,
            )
        )
    return fresh


def _key(witness: Verifier) -> str:
    return hashlib.sha256(witness.vkey.encode()).hexdigest()


def _view(row: WitnessViewRow) -> View:
    return View(row.seen, row.said, row.detail, row.said_ms, row.alarm)
