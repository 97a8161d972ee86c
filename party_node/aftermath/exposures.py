"""Which uses a late withdrawal came too late for: rule 6.

A withdrawal takes effect when it arrives. What was used between the moment at which the person
withdrew and that arrival stays lawful, is never rewritten, and is said: an exposure report names
each such use, and other systems are told.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import Session

from consent.events import ConsentEvent
from consent.facts import ConsentWhat, Facts
from consent.preferences import PreferenceEvent
from consent.uses import ExposedUse, ExposureReport, UseRecord
from consent.vocabulary import Vocabulary
from consent.words import SELF
from party_node.decisions import Decisions
from party_node.identity import Identity
from party_node.job_tables import CursorRow
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.persons import entries_of_person
from party_node.tables import DecisionRow

_CURSOR = "exposures"
_SAID = (ConsentEvent.TYPE, PreferenceEvent.TYPE)
_MOST = 256
"""Uses that one report lists; it counts them all."""


@dataclass(frozen=True, slots=True)
class _Late:
    """A withdrawal that arrived after it was made."""

    index: int
    subject: int
    said_ms: int
    arrived_ms: int
    what: ConsentWhat


class Exposures:
    """Reports exposures; one for each node."""

    def __init__(self, ledger: ConsentLedger, identity: Identity, decisions: Decisions) -> None:
        self._ledger, self._identity, self._decisions = ledger, identity, decisions

    def report(self) -> int:
        """Look at every withdrawal since the last look; return how many reports were written.

        The ledger is not held meanwhile: whoever decides later knows of these withdrawals.
        """
        with self._ledger.hold() as head:
            last, vocabulary = head.size - 1, head.vocabulary
        with self._ledger.database.reading() as session:
            row = session.get(CursorRow, _CURSOR)
            seen = -1 if row is None else row.position
            if last <= seen:
                return 0
            facts = self._ledger.store.facts.after(session, seen)
            late = list(self._late(facts[facts["index"] <= last]))
            reports = list(self._reports(session, late, vocabulary)) if late else []

        def keep(session: Session, _indices: list[int]) -> None:
            session.merge(CursorRow(name=_CURSOR, position=last))

        if reports:
            self._ledger.append(reports, also=keep)
        else:
            with self._ledger.database.writing() as session:
                keep(session, [])
        return len(reports)

    def _late(self, facts: Facts) -> Iterator[_Late]:
        for fact in facts[facts["time"] < facts["recorded"]]:
            what = self._ledger.what(int(fact["what"]))
            if isinstance(what, ConsentWhat) and what.state.is_objection:
                yield _Late(
                    int(fact["index"]), int(fact["subject"]), int(fact["time"]),
                    int(fact["recorded"]), what,
                )  # fmt: skip

    def _reports(
        self, session: Session, late: list[_Late], vocabulary: Vocabulary
    ) -> Iterator[ExposureReport]:
        start = min(w.said_ms for w in late)
        stop = max(w.arrived_ms for w in late)
        exposed: dict[int, list[tuple[DecisionRow, str]]] = {}
        records: dict[int, BitMap] = {}
        for row, decided in self._decisions.between(session, start, stop):
            people = decided.people
            for w in late:
                if w.said_ms <= row.evaluated_ms <= w.arrived_ms and _concerns(
                    w.what, row, vocabulary
                ):
                    if w.subject not in records:
                        records[w.subject] = self._records(w.subject)
                    if people.intersect(records[w.subject]):
                        exposed.setdefault(w.index, []).append((row, decided.decision_id))
        ids = self._identity.subject_ids({w.subject for w in late if w.index in exposed})
        for w in late:
            uses = exposed.get(w.index)
            if uses and w.subject in ids:
                yield ExposureReport(
                    subject_id=ids[w.subject],
                    withdrawal=w.index,
                    purpose=w.what.purpose,
                    recipient=w.what.recipient,
                    channel=w.what.channel,
                    withdrawn_at_ms=w.said_ms,
                    effective_at_ms=w.arrived_ms,
                    uses=tuple(self._use(row, decision) for row, decision in uses[:_MOST]),
                    uses_total=len(uses),
                )

    def _records(self, subject: int) -> BitMap:
        """Return the numbers of all records of a person: a use may know them by any."""
        with self._ledger.hold() as head:
            current = head.projection.current(subject)
        return BitMap(entries_of_person(self._ledger, self._identity, current, but=_SAID))

    def _use(self, row: DecisionRow, decision_id: str) -> ExposedUse:
        record = self._ledger.entry(row.entry).record
        assert isinstance(record, UseRecord)
        return ExposedUse(
            decision_id=decision_id,
            job=row.job,
            operation=record.operation,
            purpose=row.purpose,
            recipient=row.recipient,
            evaluated_at_ms=row.evaluated_ms,
        )


def _concerns(what: ConsentWhat, use: DecisionRow, vocabulary: Vocabulary) -> bool:
    """Return whether a withdrawal is one from this use: of its purpose or a broader one."""
    purposes = {use.purpose}
    if vocabulary.has(use.purpose):
        purposes.update(vocabulary.ancestors(use.purpose))
    return what.purpose in purposes and what.recipient in (use.recipient, SELF)
