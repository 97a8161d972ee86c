"""Explaining a decision to the person it was about: what was decided, why, and by which entry.

A decision about a job is made again as it was made then: with the entries that there were, under
the policy of that moment, at that instant. The set of people that was kept says whether they were
used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consent import instants
from consent.decision import Verdict, decide
from consent.events import ConsentEvent
from consent.preferences import PreferenceEvent
from consent.reasons import Query, Reason
from consent.uses import UseRecord
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, Operation
from party_node.decisions import Decided, Decisions
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.explaining import logged
from party_node.ledger.policies import load_policy
from party_node.requests.person import Person
from party_node.requests.words import WORDS
from party_node.tables import DecisionRow


@dataclass(frozen=True, slots=True)
class Question:
    """What a decision was, or would be, about."""

    purpose: str
    recipient: str = SELF
    operations: tuple[Operation, ...] = ()
    channel: str = ANY_CHANNEL


@dataclass(frozen=True, slots=True)
class Told:
    """One decision, explained."""

    question: Question
    allowed: bool
    reason: Reason
    at_ms: int
    tree_size: int
    """Entries of the ledger that it was decided by."""
    policy: str
    """Digest of the policy that it was decided by."""
    text: str
    """The same in words."""
    deciding: int | None
    """Index of the entry that decided."""
    job: str | None = None
    entry: int | None = None
    """Index of the use record, of a decision that was made."""


class Explaining:
    """Explains decisions to people."""

    def __init__(self, ledger: ConsentLedger, decisions: Decisions) -> None:
        self._ledger, self._decisions = ledger, decisions

    def now(self, person: Person, question: Question) -> list[Told]:
        """Explain what would be decided now, for each operation of the question, or of the purpose.

        Raises: UnknownPurpose.
        """
        with self._ledger.hold() as head:
            vocabulary, size = head.vocabulary, head.size
            at_ms = max(self._ledger.now(), head.newest_ms)
        found = vocabulary.find(question.purpose)
        return [
            self._told(person.entries, self._one(question, operation), vocabulary, at_ms, size)
            for operation in question.operations or found.operations
        ]

    def of_job(self, person: Person, job: str) -> Iterator[Told]:
        """Explain every decision of a job that was about the person."""
        with self._ledger.database.reading() as session:
            decided = [
                (row, decision)
                for row, decision in self._decisions.about(session, person.people)
                if row.job == job or row.job.startswith(f"{job}-")
            ]
        for row, decision in decided:
            yield self._made(person, row, decision)

    def _made(self, person: Person, row: DecisionRow, decision: Decided) -> Told:
        """Make a decision again by what was known then."""
        record = self._ledger.entry(row.entry).record
        assert isinstance(record, UseRecord)
        with self._ledger.database.reading() as session:
            vocabulary = load_policy(session, record.policy_hash)
        size, at_ms = record.as_of.tree_size, record.evaluated_at_ms
        operations = tuple(Operation(name) for name in record.operation.split("/"))
        question = Question(record.purpose, record.recipient, operations, record.channel)
        then = [entry for entry in person.entries if entry.index < size]
        told = [
            self._told(then, self._one(question, operation), vocabulary, at_ms, size)
            for operation in operations
        ]
        used = any(number in decision.people for number in person.people)
        # The set that was kept says what was done; the reason is that of the first no.
        first = next((t for t in told if t.allowed is used), None)
        reason = Reason.PERMITTED if first is None else first.reason
        deciding = None if first is None else first.deciding
        text = _text(question, reason, at_ms, size, allowed=used, job=row.job)
        text += _deciding(then, deciding)
        policy = record.policy_hash.hex()
        return Told(question, used, reason, at_ms, size, policy, text, deciding, row.job, row.entry)

    def _one(self, question: Question, operation: Operation) -> Question:
        return Question(question.purpose, question.recipient, (operation,), question.channel)

    def _told(
        self,
        entries: Sequence[LedgerEntry],
        question: Question,
        vocabulary: Vocabulary,
        at_ms: int,
        size: int,
    ) -> Told:
        query = Query(
            purpose=question.purpose,
            operation=question.operations[0],
            at_ms=at_ms,
            recipient=question.recipient,
            channel=question.channel,
        )
        decision = decide(logged(list(entries)), query, vocabulary)
        allowed = decision.outcome is Verdict.ALLOW
        text = _text(question, decision.reason, at_ms, size, allowed=allowed)
        text += _deciding(entries, decision.deciding_index)
        policy = vocabulary.digest().hex()
        return Told(
            question, allowed, decision.reason, at_ms, size, policy, text, decision.deciding_index
        )


def _text(
    question: Question,
    reason: Reason,
    at_ms: int,
    size: int,
    *,
    allowed: bool,
    job: str | None = None,
) -> str:
    whom = "us alone" if question.recipient == SELF else question.recipient
    how = " and ".join(operation.value for operation in question.operations)
    what = f"for the purpose {question.purpose}, for {whom}, by {how}"
    if job is not None:
        done = "Your data was used" if allowed else "Your data was not used"
        first = f"{done} in the job {job}: {what}."
    else:
        may = "may be used" if allowed else "may not be used"
        first = f"Your data {may} {what}."
    by = f"Decided at {instants.to_text(at_ms)} by the first {size} entries of our consent ledger."
    rule = "A computer decides, by rules that are the same for everybody: no evidence is a no."
    return f"{first} {WORDS[reason]} {by} {rule}"


def _deciding(entries: Sequence[LedgerEntry], index: int | None) -> str:
    """Return which entry decided, in words; nothing where none did."""
    if index is None:
        return ""
    found = next((entry.record for entry in entries if entry.index == index), None)
    match found:
        case ConsentEvent():
            said = f"{found.state.value}, for {found.purpose}, by {found.method.value}"
        case PreferenceEvent():
            said = f"a choice about {found.preference.KIND}"
        case _:
            return f" Entry {index} decided it."
    at = instants.to_text(found.event_time_ms)
    return f" Entry {index} decided it: {said}, at {at}."
