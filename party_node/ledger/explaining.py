"""Why one person may or may not be used: the answer, and the entry that decides it."""

from dataclasses import dataclass

from consent.decision import Decision, LoggedEntry, decide
from consent.reasons import Query
from consent.statements import SubjectEntry
from consent.words import ANY_CHANNEL, Operation
from party_node.clock import Clock
from party_node.errors import NotFound
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.persons import entries_of_person


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one person, and what it was made from."""

    decision: Decision
    subject_id: str
    evaluated_ms: int
    tree_size: int
    deciding: LedgerEntry | None


def explain(
    ledger: ConsentLedger,
    identity: Identity,
    clock: Clock,
    dense: int,
    purpose: str,
    recipient: str,
    operation: Operation,
    channel: str = ANY_CHANNEL,
) -> Explanation:
    """Decide about one person by reading all that was said, entry by entry.

    Raises: NotFound if there is no such person; UnknownPurpose; LedgerDamaged.
    """
    with ledger.hold() as head:
        dense = head.projection.current(dense)
        ids = identity.subject_ids([dense])
        if not ids:
            raise NotFound("nobody with this identifier is known here")
        records = entries_of_person(ledger, identity, dense)
        entries = [entry for record in records.values() for entry in record]
        at_ms, size, vocabulary = max(clock(), head.newest_ms), head.size, head.vocabulary
    query = Query(
        purpose=purpose, operation=operation, at_ms=at_ms, recipient=recipient, channel=channel
    )
    decision = decide(logged(entries), query, vocabulary)
    deciding = next((e for e in entries if e.index == decision.deciding_index), None)
    return Explanation(decision, ids[dense], at_ms, size, deciding)


def logged(entries: list[LedgerEntry]) -> list[LoggedEntry]:
    """Return entries about one person as the decider reads them."""
    return [
        LoggedEntry(e.index, e.recorded_ms, e.record)
        for e in entries
        if isinstance(e.record, SubjectEntry)
    ]
